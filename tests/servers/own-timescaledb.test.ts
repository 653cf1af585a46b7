import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startPostgres, type Postgres } from './postgres';

/**
 * The extension is in no package archive, so a schema stands in for it: its catalog entry, its public views with the
 * columns that its reference documents, and its functions. PostgreSQL, the tables and the rows are real.
 */
const extension = `
  CREATE TABLE readings (time timestamptz NOT NULL, "Sensor" text, value float8);
  INSERT INTO readings SELECT now() - make_interval(mins => i), 'a', i FROM generate_series(1, 120) AS i;
  CREATE SCHEMA timescaledb_information;
  CREATE VIEW timescaledb_information.hypertables AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, 1 AS num_dimensions,
           2 AS num_chunks, false AS compression_enabled;
  CREATE VIEW timescaledb_information.dimensions AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, 1 AS dimension_number,
           'time'::name AS column_name, 'Time' AS dimension_type, interval '7 days' AS time_interval,
           NULL::int AS num_partitions;
  CREATE VIEW timescaledb_information.chunks AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, '_chunks'::name AS chunk_schema,
           '_hyper_1_' || i AS chunk_name, now() - make_interval(days => 7 * i) AS range_start,
           now() AS range_end, false AS is_compressed FROM generate_series(1, 2) AS i;
  CREATE VIEW timescaledb_information.continuous_aggregates AS
    SELECT 'public'::name AS view_schema, 'hourly'::name AS view_name, 'public'::name AS hypertable_schema,
           'readings'::name AS hypertable_name, true AS materialized_only, 'SELECT 1' AS view_definition;
  CREATE VIEW timescaledb_information.jobs AS
    SELECT 1000 AS job_id, 'Retention Policy [1000]' AS application_name, 'readings'::name AS hypertable_name,
           interval '1 day' AS schedule_interval;
  CREATE VIEW timescaledb_information.job_stats AS
    SELECT 1000 AS job_id, 'Success' AS last_run_status, now() AS last_run_started_at, now() AS next_start,
           0::bigint AS total_failures;
  CREATE FUNCTION hypertable_size(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_total_relation_size($1)';
  CREATE FUNCTION hypertable_compression_stats(regclass) RETURNS TABLE (total_chunks bigint,
    number_compressed_chunks bigint, before_compression_total_bytes bigint, after_compression_total_bytes bigint)
    LANGUAGE sql AS 'SELECT 2::bigint, 1::bigint, 8192::bigint, 1024::bigint';
  CREATE FUNCTION time_bucket(interval, timestamptz) RETURNS timestamptz LANGUAGE sql AS
    'SELECT date_bin($1, $2, timestamptz ''2000-01-03'')';
  CREATE TABLE made (relation regclass, column_name name, step interval);
  CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval)
    RETURNS TABLE (hypertable_id int, created boolean) LANGUAGE sql AS
    'INSERT INTO made VALUES ($1, $2, $3); SELECT 1, true';
  CREATE TABLE "Odd; name" ("when" timestamptz);`;
// The catalog of extensions takes a row from its owner where system tables may be changed.
const registered = `SET allow_system_table_mods = on;
  INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  VALUES (99999, 'timescaledb', 10, 2200, false, '2.17.2')`;

const dir = mkdtempSync(join(tmpdir(), 'toolturn-timescale-'));
let postgres: Postgres;
let server: OwnServer;

const start = (database: string, env: Record<string, string> = {}) =>
  startOwnServer('timescaledb', { TIMESCALEDB_URL: postgres.ownerDsn(database), ...env });

beforeAll(async () => {
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), {
    metrics: `${extension} ${registered}`,
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
