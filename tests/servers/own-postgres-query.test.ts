/** mcp-postgres-query on a real PostgreSQL, with the role that its own reader.sql makes. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/src/paths';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { postgresPrograms, startPostgres, type Postgres } from './postgres';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-postgres-query-'));
/** Signs that a connection string would have to encode. */
const password = 'p@ss/w:rd?#%20 canary';
let postgres: Postgres;
let server: OwnServer;

beforeAll(async () => {
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), {
    shop: `CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL DEFAULT 'nobody');
      COMMENT ON TABLE customer IS 'Who buys.';
      CREATE TABLE sale (id bigint PRIMARY KEY, customer int REFERENCES customer, paid numeric(12,2),
        at timestamptz, raw bytea);
      CREATE INDEX sale_at ON sale (at);
      CREATE SCHEMA "Odd place"; CREATE VIEW "Odd place".names AS SELECT name FROM customer;
      INSERT INTO customer VALUES (1, 'Ada'), (2, 'Grace');
      INSERT INTO sale VALUES (9007199254740993, 1, 12.50, '2026-01-02 03:04:05+00', '\\xdead')`,
    archive: `CREATE TABLE old AS SELECT i AS n, repeat('x', 1000) AS filling FROM generate_series(1, 500) AS i`,
    closed: 'REVOKE CONNECT ON DATABASE closed FROM PUBLIC',
  });
  for (const _ of ['makes the role', 'and is safe to run again']) await makeReader();
  server = await start();
});

afterAll(async () => {
  await server?.stop();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What the README says to run. */
const makeReader = () =>
  run(
    join(postgresPrograms() ?? '', 'psql'),
    ['-X', '-v', 'ON_ERROR_STOP=1', '-d', postgres.ownerDsn('postgres'), '-f', reader],
    { env: { PATH: process.env['PATH'], MCP_READER_PASSWORD: password } },
  );
const reader = join(root, 'mcp', 'postgres-query', 'reader.sql');

const start = (env: Record<string, string> = {}) =>
  startOwnServer('postgres-query', {
    PGHOST: '127.0.0.1',
    PGPORT: `${postgres.port}`,
    PGUSER: 'mcp_reader',
    PGPASSWORD: password,
    PGDATABASE: 'shop',
    ...env,
  });

async function answer(tool: string, args: Record<string, unknown> = {}, from = server): Promise<any> {
  const { text, isError } = await from.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

const names = (found: { name: string }[]): string[] => found.map(({ name }) => name);

describe('the PostgreSQL server', () => {
  it('lists its six tools, all read-only', async () => {
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
      ['postgres_list_databases', true],
      ['postgres_query', true],
      ['postgres_list_schemas', true],
      ['postgres_list_tables', true],
      ['postgres_describe_table', true],
      ['postgres_explain', true],
    ]);
  });

  it('says what databases there are, and which of them it may ask', async () => {
    const { databases } = await answer('postgres_list_databases');
    expect(databases.map(({ name, queryable }: any) => [name, queryable])).toEqual([
      ['archive', true],
      ['closed', false],
      ['postgres', true],
      ['shop', true],
    ]);
    expect(databases[0]).toMatchObject({ owner: 'owner', size: expect.stringMatching(/kB|MB/) });
  });

  it('queries the usual database, or the one that is named', async () => {
    const ada = await answer('postgres_query', { query: 'SELECT name FROM customer ORDER BY id -- all' });
    expect(ada).toEqual({ rows: [{ name: 'Ada' }, { name: 'Grace' }], more: false });
    const old = { query: 'SELECT max(n) AS n FROM old', database: 'archive' };
    expect(await answer('postgres_query', old)).toEqual({ rows: [{ n: 500 }], more: false });
  });

  it('loses no digit of a number', async () => {
    const { text } = await server.call('postgres_query', { query: 'SELECT * FROM sale' });
    expect(text).toContain('"id":9007199254740993,');
    expect(text).toContain('"paid":12.50,');
    expect(text).toContain(String.raw`"raw":"\\xdead"`);
  });

  it('stops at the rows and at the bytes that it may give, and says that there is more', async () => {
    const all = { query: 'SELECT n FROM old ORDER BY n', database: 'archive' };
    const few = await answer('postgres_query', { ...all, limit: 60 });
    expect([few.rows.length, few.rows[59], few.more]).toEqual([60, { n: 60 }, true]);
    const exact = await answer('postgres_query', { ...all, limit: 500 });
    expect([exact.rows.length, exact.more]).toEqual([500, false]);
    const wide = await answer('postgres_query', { query: 'TABLE old', database: 'archive', limit: 1000 });
    expect(wide.more).toBe(true);
    expect(wide.rows.length).toBeGreaterThan(90);
    expect(wide.rows.length).toBeLessThan(100);
  });

  it('takes no row that is too large, and says what to do', async () => {
    const { isError, text } = await server.call('postgres_query', {
      query: `SELECT repeat('x', 5000000) AS flood`,
    });
    expect([isError, text]).toEqual([true, expect.stringMatching(/5000012 bytes.*left\(column, 1000\)/)]);
  });

  it('shows schemas, tables and what a table is made of', async () => {
    const { schemas } = await answer('postgres_list_schemas');
    expect(schemas).toMatchObject([
      { name: 'Odd place', tables: 1 },
      { name: 'public', tables: 2, usable: true },
    ]);
    const { tables } = await answer('postgres_list_tables', { schema: 'public' });
    expect(tables).toMatchObject([
      { schema: 'public', name: 'customer', kind: 'table', readable: true, comment: 'Who buys.' },
      { name: 'sale' },
    ]);
    expect(names((await answer('postgres_list_tables', { contains: 'NAME' })).tables)).toEqual(['names']);
    expect(await answer('postgres_list_tables', { limit: 1 })).toMatchObject({ more: true });
    expect(await answer('postgres_describe_table', { table: 'customer' })).toEqual({
      schema: 'public',
      table: 'customer',
      columns: [
        { name: 'id', type: 'integer', nullable: false, default: null, comment: null },
        { name: 'name', type: 'text', nullable: false, default: "'nobody'::text", comment: null },
      ],
      constraints: [{ name: 'customer_pkey', definition: 'PRIMARY KEY (id)' }],
      indexes: ['CREATE UNIQUE INDEX customer_pkey ON public.customer USING btree (id)'],
      referenced_by: [{ table: 'sale', definition: 'FOREIGN KEY (customer) REFERENCES customer(id)' }],
    });
    expect(await answer('postgres_describe_table', { table: 'Odd place.names' })).toMatchObject({
      columns: [{ name: 'name' }],
    });
  });

  it('explains, and measures where it is asked to', async () => {
    const query = 'SELECT * FROM sale WHERE id = 1';
    expect((await server.call('postgres_explain', { query })).text).toMatch(/Scan.*cost=/s);
    const measured = await server.call('postgres_explain', { query, analyze: true });
    expect(measured.text).toMatch(/actual time=.*Execution Time/s);
  });

  it('shows a setting', async () => {
    expect(await answer('postgres_query', { query: 'show default_transaction_read_only;' })).toEqual({
      setting: ['on'],
    });
  });

  it.each([
    ['wrong SQL', { query: 'SELEC 1' }, /\(42601\): syntax error at or near "SELEC"/],
    [
      'a table that is not there',
      { query: 'SELECT * FROM nope' },
      /\(42P01\): relation "nope" does not exist/,
    ],
    [
      'a database that is not there',
      { query: 'SELECT 1', database: 'nope' },
      /no database of this name \(3D000\)/,
    ],
    [
      'a database that is closed to it',
      { query: 'SELECT 1', database: 'closed' },
      /may not connect.*\(42501\)/,
    ],
  ])('tells %s as an error with its code, without address or password', async (_, args, message) => {
    const { isError, text } = await server.call('postgres_query', args);
    expect([isError, text]).toEqual([true, expect.stringMatching(message)]);
    expect(text).not.toMatch(/canary|127\.0\.0\.1|mcp_reader/);
  });

  it('gives the databases that it is told to give and no other', async () => {
    const narrow = await start({ POSTGRES_DATABASES: 'shop, archive' });
    try {
      const { databases } = await answer('postgres_list_databases', {}, narrow);
      expect(names(databases)).toEqual(['archive', 'shop']);
      const asked = { query: 'SELECT 1', database: 'postgres' };
      expect(await narrow.call('postgres_query', asked)).toEqual({
        isError: true,
        text: 'This server does not ask the database "postgres". It asks: shop, archive.',
      });
    } finally {
      await narrow.stop();
    }
  });

  it('ends a statement that takes too long', async () => {
    const hasty = await start({ POSTGRES_STATEMENT_SECONDS: '1' });
    try {
      const { text } = await hasty.call('postgres_query', { query: 'SELECT pg_sleep(30)' });
      expect(text).toMatch(/\(57014\).*statement timeout/);
      expect(await answer('postgres_query', { query: 'SELECT 1 AS one' }, hasty)).toMatchObject({
        rows: [{ one: 1 }],
      });
    } finally {
      await hasty.stop();
    }
  });

  it('leaves nothing behind for the next caller: no setting and no lock', async () => {
    await answer('postgres_query', {
      query: `SELECT pg_advisory_lock(7)::text AS locked, set_config('work_mem', '77MB', false)`,
    });
    expect(await postgres.sql('shop', `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'`)).toBe('0');
    expect(await answer('postgres_query', { query: 'SHOW work_mem' })).toEqual({ setting: ['4MB'] });
  });
});

describe('what keeps the PostgreSQL server from writing', () => {
  const attempts: readonly (readonly [string, string, string])[] = [
    ['a write', 'postgres_query', `INSERT INTO customer VALUES (3, 'Eve')`],
    [
      'a write within a query',
      'postgres_query',
      'WITH w AS (DELETE FROM customer RETURNING 1) SELECT * FROM w',
    ],
    ['a second statement', 'postgres_query', 'SELECT 1; DROP TABLE customer CASCADE'],
    ['a second statement behind SHOW', 'postgres_query', 'SHOW work_mem; DROP TABLE customer CASCADE'],
    [
      'the end of the query around it',
      'postgres_query',
      'SELECT 1) AS a) AS b; COMMIT; DROP TABLE customer; --',
    ],
    ['a table from a query', 'postgres_query', 'SELECT * INTO copied FROM customer'],
    ['the other mode', 'postgres_query', `SELECT set_config('transaction_read_only', 'off', false)`],
    ['a sequence', 'postgres_query', `SELECT setval('s', 5)`],
    ['a function that writes', 'postgres_query', 'SELECT grow()'],
    ['a write that is measured', 'postgres_explain', 'DELETE FROM customer'],
    ['a second statement behind EXPLAIN', 'postgres_explain', 'SELECT 1; DROP TABLE customer CASCADE'],
  ];
  /** With the rights of the owner, who may do all this. */
  let owners: OwnServer;

  beforeAll(async () => {
    await postgres.sql(
      'shop',
      `CREATE SEQUENCE s; CREATE FUNCTION grow() RETURNS int LANGUAGE sql AS $$ INSERT INTO customer VALUES (4) RETURNING id $$`,
    );
    const { username, password: theirs } = new URL(postgres.ownerDsn('shop'));
    owners = await start({ PGUSER: username, PGPASSWORD: theirs });
  });

  afterAll(async () => owners?.stop());

  it.each(attempts)('the server refuses %s, whatever the role may do', async (_, tool, query) => {
    const { isError, text } = await owners.call(tool, { query, analyze: true });
    expect([isError, text]).toEqual([true, expect.stringMatching(/^PostgreSQL refused this \(\w{5}\): /)]);
    const left = `SELECT count(*), (SELECT last_value FROM s), to_regclass('copied') IS NULL FROM customer`;
    expect(await postgres.sql('shop', left)).toBe('2|1|t');
  });

  it('a plan of a write is a plan, and nothing is written', async () => {
    const planned = await owners.call('postgres_explain', { query: 'DELETE FROM customer WHERE id = 1' });
    expect([planned.isError, planned.text]).toEqual([false, expect.stringContaining('Delete on customer')]);
    expect(await postgres.sql('shop', 'SELECT count(*) FROM customer')).toBe('2');
  });

  it('the role refuses it too, in a session that turns reading only off', async () => {
    const psql = (sql: string) =>
      run(
        join(postgresPrograms() ?? '', 'psql'),
        ['-X', '-h', '127.0.0.1', '-p', `${postgres.port}`, '-U', 'mcp_reader', '-d', 'shop', '-c', sql],
        { env: { PATH: process.env['PATH'], PGPASSWORD: password } },
      );
    await expect(psql('DELETE FROM customer')).rejects.toThrow(/read-only transaction/);
    const off = 'SET default_transaction_read_only = off';
    for (const sql of [
      `DELETE FROM customer`,
      `CREATE TABLE mine ()`,
      `CREATE SCHEMA mine`,
      `CREATE ROLE mine`,
    ])
      await expect(psql(`${off}; COMMIT; ${sql}`)).rejects.toThrow(/permission denied/);
    const stored = `SELECT left(rolpassword, 13), rolsuper, rolcreatedb FROM pg_authid WHERE rolname = 'mcp_reader'`;
    expect(await postgres.sql('shop', stored)).toBe('SCRAM-SHA-256|f|f');
  });
});

describe('a PostgreSQL server whose database is away, or refuses it', () => {
  it.each([
    ['is away', { PGPORT: '9' }, 'The database cannot be reached now.'],
    ['refuses it', { PGPASSWORD: 'wrong canary' }, 'The database refuses the role of this server (28P01).'],
  ])('serves, tells the model, and is not healthy when it %s', async (_, env, text) => {
    const away = await start(env);
    try {
      expect(await away.call('postgres_list_databases')).toEqual({ isError: true, text });
      const health = await fetch(new URL('/health', away.url));
      expect([health.status, await health.json()]).toEqual([
        503,
        {
          service: 'mcp-postgres-query',
          status: 'failed',
          reason: 'the database does not answer',
          dependencies: { database: 'failed' },
        },
      ]);
      expect(away.process.tail(100)).not.toMatch(/canary/);
    } finally {
      await away.stop();
    }
  });
});
