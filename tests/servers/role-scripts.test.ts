/** The SQL scripts that make LiteLLM's database and the roles of MCP servers, run twice each on a real PostgreSQL. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/src/paths';
import { postgresPrograms, startPostgres, type Postgres } from './postgres';

const run = promisify(execFile);
const psql = join(postgresPrograms() ?? '', 'psql');
let dir: string;
let postgres: Postgres;

const planka = `
  CREATE TABLE card (title text); INSERT INTO card VALUES ('Buy bread');
  CREATE SEQUENCE number; CREATE SCHEMA private; CREATE TABLE private.pay (sum int); CREATE ROLE writer;
  GRANT ALL ON card TO writer; CREATE ROLE mcp_reader IN ROLE writer; GRANT ALL ON card, private.pay TO mcp_reader`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-roles-'));
  chmodSync(dir, 0o711);
  postgres = await startPostgres(join(dir, 'postgres'), { planka, other: 'CREATE TABLE x (a int)' });
}, 120_000);

afterAll(async () => {
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs a script as administrator, as its head says. */
async function runScript(name: string, database: string, env: Record<string, string>): Promise<string> {
  const { stdout, stderr } = await run(
    psql,
    ['-X', '-v', 'ON_ERROR_STOP=1', '-d', postgres.ownerDsn(database), '-f', join(root, 'litellm/sql', name)],
    { env: { PATH: process.env['PATH'], ...env } },
  );
  return stdout + stderr;
}

/** Asks as a role; rejects with what PostgreSQL says. */
async function ask(role: string, password: string, database: string, ...sql: string[]): Promise<string> {
  const address = new URL(postgres.ownerDsn(database));
  const env = { PGHOST: '127.0.0.1', PGPORT: address.port, PGUSER: role, PGPASSWORD: password };
  const { stdout } = await run(
    psql,
    ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', database, ...sql.flatMap((each) => ['-c', each])],
    {
      env: { PATH: process.env['PATH'], ...env },
    },
  );
  return stdout.trim();
}

describe('litellm.sql', () => {
  // What a connection string could not hold as it is.
  const password = `p/@:#?'"\\$ 1`;
  const asLitellm = (sql: string, database = 'litellm_db') => ask('litellm_user', password, database, sql);

  beforeAll(async () => {
    await runScript('litellm.sql', 'postgres', { LITELLM_DB_PASSWORD: 'the one before' });
    expect(await ask('litellm_user', 'the one before', 'litellm_db', 'CREATE TABLE kept (a int)')).toBe(
      'CREATE TABLE',
    );
    await runScript('litellm.sql', 'postgres', { LITELLM_DB_PASSWORD: password });
  }, 60_000);

  it('makes a database that its role owns, and keeps what is in it when run again', async () => {
    expect(await asLitellm('SELECT count(*) FROM kept')).toBe('0');
    expect(
      await asLitellm('CREATE TABLE made (a int); INSERT INTO made VALUES (1); DROP TABLE made'),
    ).toContain('DROP TABLE');
    expect(
      await postgres.sql(
        'postgres',
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'litellm_db'",
      ),
    ).toBe('litellm_user|UTF8');
  });

  it('sets the new password, as SCRAM-SHA-256, and writes it into no log', async () => {
    await expect(ask('litellm_user', 'the one before', 'litellm_db', 'SELECT 1')).rejects.toThrow(
      /password authentication failed/,
    );
    expect(
      await postgres.sql('postgres', "SELECT rolpassword FROM pg_authid WHERE rolname = 'litellm_user'"),
    ).toMatch(/^SCRAM-SHA-256\$/);
    const log = readFileSync(join(dir, 'postgres', 'postgres.log'), 'utf8');
    expect(log).toContain('SELECT count(*) FROM kept');
    expect(log).not.toContain('the one before');
    expect(log).not.toContain('p/@:#');
  });

  it.each([
    ['a database', 'CREATE DATABASE mine'],
    ['a role', 'CREATE ROLE mine'],
    ['a file of the server', "COPY (SELECT 1) TO '/tmp/x'"],
    ['a program of the server', "COPY (SELECT 1) TO PROGRAM 'true'"],
    ['the rights of another', 'SET ROLE owner'],
  ])('lets the role make or use none of %s', async (_, sql) => {
    await expect(asLitellm(sql)).rejects.toThrow(/permission denied|must be (superuser|owner)/);
  });

  it('lets nobody else into the database', async () => {
    await expect(postgres.sqlAsReader('litellm_db', 'SELECT 1')).rejects.toThrow(
      /permission denied for database "litellm_db"/,
    );
  });

  it('refuses to run without a password', async () => {
    await expect(runScript('litellm.sql', 'postgres', {})).rejects.toThrow(/LITELLM_DB_PASSWORD is not set/);
  });
});

describe('reader.sql', () => {
  const password = 'reader of planka';
  const asReader = (sql: string, database = 'planka') => ask('mcp_reader', password, database, sql);
  const options = { READER_PASSWORD: password, READER_SCHEMAS: 'public' };

  beforeAll(async () => {
    await runScript('reader.sql', 'planka', options);
    await runScript('reader.sql', 'planka', options);
  }, 60_000);

  it('lets the role read, also tables that are made later', async () => {
    expect(await asReader('SELECT title FROM card')).toBe('Buy bread');
    await postgres.sql('planka', 'CREATE TABLE IF NOT EXISTS later AS SELECT 1 AS a');
    expect(await asReader('SELECT a FROM later')).toBe('1');
  });

  const writes = [
    "INSERT INTO card VALUES ('x')",
    "UPDATE card SET title = 'x'",
    'DELETE FROM card',
    'TRUNCATE card',
    'DROP TABLE card',
    'CREATE TABLE mine (a int)',
    'CREATE SCHEMA mine',
    "SELECT nextval('number')",
    'SELECT sum FROM private.pay',
    'SET ROLE writer',
    "COPY card TO PROGRAM 'true'",
  ];

  it.each(writes)('refuses %s, also in a transaction that may write', async (sql) => {
    await expect(
      ask('mcp_reader', password, 'planka', 'SET default_transaction_read_only = off', sql),
    ).rejects.toThrow(/permission denied|must be (owner|superuser)/);
    expect(await postgres.sql('planka', 'SELECT title FROM card')).toBe('Buy bread');
  });

  it('begins each transaction read-only and ends what takes long', async () => {
    await expect(asReader('CREATE TEMPORARY TABLE t (a int)')).rejects.toThrow(/read-only transaction/);
    expect(await asReader('SHOW statement_timeout')).toBe('1min');
  });

  it('takes away what the role had before, and stores its password as SCRAM-SHA-256', async () => {
    const roles = `SELECT count(*) FROM pg_auth_members WHERE member = 'mcp_reader'::regrole`;
    expect(await postgres.sql('planka', roles)).toBe('0');
    expect(
      await postgres.sql('planka', "SELECT rolpassword FROM pg_authid WHERE rolname = 'mcp_reader'"),
    ).toMatch(/^SCRAM-SHA-256\$/);
    expect(readFileSync(join(dir, 'postgres', 'postgres.log'), 'utf8')).not.toContain(password);
  });

  it('gives all schemas but those of PostgreSQL where none are named', async () => {
    await runScript('reader.sql', 'planka', { READER_PASSWORD: password, READER_ROLE: 'second_reader' });
    expect(await ask('second_reader', password, 'planka', 'SELECT count(*) FROM private.pay')).toBe('0');
    await expect(ask('second_reader', password, 'planka', 'DELETE FROM private.pay')).rejects.toThrow(
      /permission denied|read-only/,
    );
  });
});
