import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startPostgres, type Postgres } from './postgres';
import { timescale } from './timescale';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-timescale-'));
let postgres: Postgres;
let server: OwnServer;

const start = (database: string, env: Record<string, string> = {}) =>
  startOwnServer('timescaledb', { TIMESCALEDB_URL: postgres.ownerDsn(database), ...env });

beforeAll(async () => {
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), {
    metrics: timescale,
    plain: 'CREATE TABLE t AS SELECT generate_series(1, 5000) AS n',
  });
  server = await start('metrics');
});

afterAll(async () => {
  await server?.stop();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function answer(tool: string, args: Record<string, unknown> = {}, from = server): Promise<any> {
  const { text, isError } = await from.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

describe('the TimescaleDB server', () => {
  it('lists nine tools for reading, and a tenth where writing is allowed', async () => {
    const { tools } = await server.client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      'tsdb_query',
      'tsdb_time_bucket',
      'tsdb_list_hypertables',
      'tsdb_describe_table',
      'tsdb_list_chunks',
      'tsdb_compression_stats',
      'tsdb_continuous_aggregates',
      'tsdb_list_jobs',
      'tsdb_database_stats',
    ]);
    const writer = await start('metrics', { MCP_ALLOW_WRITE: 'true' });
    try {
      const args = { table: 'public.readings', time_column: 'time', chunk_interval: '1 day' };
      expect(await answer('tsdb_create_hypertable', args, writer)).toMatchObject({ created: true });
      expect(await postgres.sql('metrics', 'SELECT * FROM made')).toBe('readings|time|1 day');
    } finally {
      await writer.stop();
    }
  });

  it('answers one SELECT with its first rows, and says when there are more', async () => {
    const { rows, more } = await answer('tsdb_query', { query: 'SELECT count(*)::int AS n FROM readings;' });
    expect([rows, more]).toEqual([[{ n: 120 }], false]);
    expect(await answer('tsdb_query', { query: 'TABLE readings', limit: 3 })).toMatchObject({ more: true });
  });

  it.each([
    ['a write', `INSERT INTO readings VALUES (now(), 'b', 1)`],
    ['a write within a query', `WITH w AS (DELETE FROM readings RETURNING 1) SELECT * FROM w`],
    ['a second statement', 'SELECT 1; DROP TABLE readings'],
    ['the end of the transaction', 'SELECT 1; COMMIT; DROP TABLE readings'],
    ['a function that writes', 'SELECT * FROM create_hypertable($$readings$$, $$time$$, $$1 day$$)'],
    ['a setting', 'SET default_transaction_read_only = off'],
  ])('refuses %s', async (_, query) => {
    const { isError, text } = await server.call('tsdb_query', { query });
    expect([isError, text]).toEqual([true, expect.stringMatching(/^PostgreSQL refused this \(\w{5}\): /)]);
    expect(await postgres.sql('metrics', 'SELECT count(*) FROM readings')).toBe('120');
  });

  it('cannot write with a role that may only read either, even where it is told to', async () => {
    const write = `SET default_transaction_read_only = off; COMMIT; DELETE FROM readings`;
    await expect(postgres.sqlAsReader('metrics', write)).rejects.toThrow(/permission denied/);
    const writer = await startOwnServer('timescaledb', {
      TIMESCALEDB_URL: postgres.readerDsn('metrics'),
      MCP_ALLOW_WRITE: 'true',
    });
    try {
      const args = { table: 'readings', time_column: 'time' };
      const { isError, text } = await writer.call('tsdb_create_hypertable', args);
      expect([isError, text]).toEqual([true, expect.stringMatching(/\(42501\): permission denied/)]);
    } finally {
      await writer.stop();
    }
  });

  it('ends a query that takes too long', async () => {
    const hasty = await start('plain', { TIMESCALEDB_STATEMENT_SECONDS: '1' });
    try {
      const query = 'SELECT pg_sleep(30)';
      expect((await hasty.call('tsdb_query', { query })).text).toMatch(/\(57014\).*statement timeout/);
      expect(await answer('tsdb_query', { query: 'SELECT 1 AS one' }, hasty)).toMatchObject({
        rows: [{ one: 1 }],
      });
    } finally {
      await hasty.stop();
    }
  });

  it('sums a column up over time in equal steps', async () => {
    const { buckets } = await answer('tsdb_time_bucket', {
      table: 'readings',
      time_column: 'time',
      value_column: 'value',
      function: 'count',
      bucket: '1 hour',
      hours: 3,
    });
    expect(buckets.length).toBeGreaterThanOrEqual(2);
    const sum = buckets.reduce((total: number, each: { value: string }) => total + Number(each.value), 0);
    expect(sum).toBe(120);
  });

  it.each([
    [{ table: 'nowhere' }, 'There is no table "nowhere". Write schema.table.'],
    [{ value_column: 'temp' }, 'readings has no column "temp". It has: time, Sensor, value.'],
    [{ value_column: 'value) FROM readings; --' }, /^readings has no column/],
  ])('says what there is instead of %j', async (change, message) => {
    const right = { table: 'readings', time_column: 'time', value_column: 'value', bucket: '1 hour' };
    const { text, isError } = await server.call('tsdb_time_bucket', { ...right, ...change });
    expect(isError).toBe(true);
    expect(text).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('shows hypertables, tables, chunks, compression, aggregates, jobs and the database', async () => {
    expect(await answer('tsdb_list_hypertables')).toMatchObject([{ table: 'readings', num_chunks: 2 }]);
    expect(await answer('tsdb_describe_table', { table: 'readings' })).toMatchObject({
      schema: 'public',
      columns: [{ name: 'time' }, { name: 'Sensor' }, { name: 'value' }],
      dimensions: [{ column_name: 'time', time_interval: '7 days' }],
    });
    expect(await answer('tsdb_describe_table', { table: 'Odd; name' })).toMatchObject({ table: 'Odd; name' });
    expect(await answer('tsdb_list_chunks', { table: 'public.readings', limit: 1 })).toMatchObject([
      { chunk_name: '_hyper_1_1' },
    ]);
    expect(await answer('tsdb_compression_stats')).toEqual([]);
    expect(await answer('tsdb_continuous_aggregates')).toMatchObject([{ view_name: 'hourly' }]);
    expect(await answer('tsdb_list_jobs')).toMatchObject([{ job_id: 1000, last_run_status: 'Success' }]);
    expect(await answer('tsdb_database_stats')).toMatchObject({ database: 'metrics', timescaledb: '2.17.2' });
  });

  it('says clearly that the extension is missing, and still queries', async () => {
    const plain = await start('plain');
    try {
      expect(await plain.call('tsdb_list_hypertables')).toEqual({
        isError: true,
        text: expect.stringContaining('CREATE EXTENSION timescaledb'),
      });
      const { rows } = await answer('tsdb_query', { query: 'SELECT max(n) AS n FROM t' }, plain);
      expect(rows).toEqual([{ n: 5000 }]);
    } finally {
      await plain.stop();
    }
  });
});
