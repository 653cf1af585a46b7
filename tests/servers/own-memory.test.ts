import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../mcp/kit/src/log';
import { Database } from '../../mcp/kit/src/postgres';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startPostgres, type Postgres } from './postgres';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-memory-'));
let postgres: Postgres;
let server: OwnServer;

beforeAll(async () => {
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), { memories: 'CREATE TABLE others (id int)' });
  server = await start({ MCP_ALLOW_WRITE: 'true' });
});

afterAll(async () => {
  await server?.stop();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}) =>
  startOwnServer('memory-postgres', { POSTGRES_URL: postgres.ownerDsn('memories'), ...env });

async function answer(tool: string, args: Record<string, unknown> = {}, from = server): Promise<any> {
  const { text, isError } = await from.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

const texts = (found: any): string[] => found.memories.map((each: { content: string }) => each.content);

describe('the memory server', () => {
  it('keeps memories and finds them by words, parts of words and tags', async () => {
    const { memory, created } = await answer('memory_create', {
      content: "Ada's NAS is called Kraken; its backup runs at 03:30.",
      tags: ['Infra', 'nas'],
    });
    expect([created, memory.tags]).toEqual([true, ['infra', 'nas']]);
    await answer('memory_create', { content: 'Grace prefers tea. 100 % sure.', tags: ['people'] });

    expect(texts(await answer('memory_search', { query: 'backup of the kraken' }))).toEqual([memory.content]);
    expect(texts(await answer('memory_search', { query: 'rake' }))).toEqual([memory.content]);
    expect(texts(await answer('memory_search', { query: 'tea backup', tags: ['PEOPLE'] }))).toEqual([
      'Grace prefers tea. 100 % sure.',
    ]);
    expect(texts(await answer('memory_search', { query: '%' }))).toEqual(['Grace prefers tea. 100 % sure.']);
  });

  it.each(["'", "a' & !b", '\\', ':* | x', "'; DROP TABLE mcp_memory.memories; --"])(
    'takes %s as words and nothing else',
    async (query) => {
      expect(await server.call('memory_search', { query })).toMatchObject({ isError: false });
    },
  );

  it('keeps the same memory once', async () => {
    const again = { content: 'Kept once.', tags: ['b', 'a'] };
    expect((await answer('memory_create', again)).created).toBe(true);
    expect((await answer('memory_create', { ...again, tags: ['A', 'b', 'b'] })).created).toBe(false);
  });

  it('lists memories in pages, newest first', async () => {
    for (const name of ['one', 'two', 'three']) {
      await answer('memory_create', { content: `Page ${name}`, tags: ['page'] });
    }
    const first = await answer('memory_list', { tags: ['page'], limit: 2 });
    expect([texts(first), first.more]).toEqual([['Page three', 'Page two'], true]);
    const second = await answer('memory_list', { tags: ['page'], limit: 2, before: first.memories[1].id });
    expect([texts(second), second.more]).toEqual([['Page one'], false]);
  });

  it('still knows them after a restart, and touches nothing but its own schema', async () => {
    await answer('memory_create', { content: 'Outlives the process.' });
    await server.stop();
    server = await start({ MCP_ALLOW_WRITE: 'true' });
    expect(texts(await answer('memory_search', { query: 'outlives' }))).toEqual(['Outlives the process.']);
    const tables = await postgres.sql(
      'memories',
      `SELECT schemaname || '.' || tablename FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    expect(tables.trim().split('\n')).toEqual(['mcp_memory.memories', 'public.others']);
  });

  it('cannot write at the database either unless it is allowed, whatever the role may do', async () => {
    const options = { url: postgres.ownerDsn('memories'), statementTimeoutMs: 5000, name: 'test' };
    const database = new Database(
      { ...options, write: false },
      createLog('test', () => undefined),
    );
    const insert = `INSERT INTO mcp_memory.memories (content) VALUES ('x')`;
    await expect(database.query(insert)).rejects.toThrow(/read-only transaction/);
    await database.close();
  });

  it('cannot write with a role that may only read either, even where it is told to', async () => {
    const grants =
      'GRANT USAGE ON SCHEMA mcp_memory TO reader; GRANT SELECT ON mcp_memory.memories TO reader';
    await postgres.sql('memories', grants);
    const insert = `INSERT INTO mcp_memory.memories (content) VALUES ('x')`;
    await expect(postgres.sqlAsReader('memories', insert)).rejects.toThrow(/permission denied/);
    const env = { POSTGRES_URL: postgres.readerDsn('memories') };
    const reader = await startOwnServer('memory-postgres', env);
    try {
      expect(texts(await answer('memory_search', { query: 'outlives' }, reader))).toHaveLength(1);
    } finally {
      await reader.stop();
    }
    const writer = startOwnServer('memory-postgres', { ...env, MCP_ALLOW_WRITE: 'true' });
    await expect(writer).rejects.toThrow(/permission denied/);
  });

  it('offers no writing unless it is allowed', async () => {
    const reader = await start();
    try {
      const { tools } = await reader.client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(['memory_search', 'memory_list']);
      await expect(reader.call('memory_create', { content: 'x' })).rejects.toThrow(/not found/);
      expect(texts(await answer('memory_search', { query: 'outlives' }, reader))).toHaveLength(1);
    } finally {
      await reader.stop();
    }
  });
});

describe('a memory server whose database is away', () => {
  it('does not start for writing, and says so without the password', async () => {
    const env = { POSTGRES_URL: 'postgres://owner:hunter2@127.0.0.1:9/x', MCP_ALLOW_WRITE: 'true' };
    const failure = await startOwnServer('memory-postgres', env).catch((error: Error) => error.message);
    expect(failure).toMatch(/The database cannot be reached now/);
    expect(failure).not.toContain('hunter2');
  });

  it('serves for reading, tells the model, and is not healthy', async () => {
    const away = await startOwnServer('memory-postgres', { POSTGRES_URL: 'postgres://a:b@127.0.0.1:9/x' });
    try {
      expect(await away.call('memory_list')).toEqual({
        isError: true,
        text: 'The database cannot be reached now.',
      });
      expect((await fetch(new URL('/health', away.url))).status).toBe(503);
    } finally {
      await away.stop();
    }
  });
});
