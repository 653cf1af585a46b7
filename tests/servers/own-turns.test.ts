/**
 * A turn with each server written here that needs a database or a storage, through LiteLLM, on real data: PostgreSQL, and an S3
 * storage. Those that ask an HTTP API stand in tests/integration/own-turns.test.ts.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../scripts/src/processes';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';
import { askAsOpenWebUi } from './open-webui';
import { startPostgres, type Postgres } from './postgres';
import { startStorage, type Storage } from './storage';
import { timescale } from './timescale';
import { takeTurn } from './turn';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-own-turns-'));
const started: { stop(): Promise<void> }[] = [];
let postgres: Postgres;
let storage: Storage;
let stack: Stack;

async function own(name: string, env: Record<string, string>): Promise<OwnServer> {
  const server = await startOwnServer(name, env);
  started.push(server);
  return server;
}

beforeAll(async () => {
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), {
    memories: 'SELECT 1',
    metrics: timescale,
    shop: `CREATE TABLE customer (id int, name text); INSERT INTO customer VALUES (1, 'Ada'), (2, 'Grace')`,
  });
  started.push(postgres);
  storage = await startStorage(dir, 'papers');
  started.push(storage);
  await storage.put('2026/minutes.txt', 'The harbour opens on Tuesday.', 'text/plain');
  const reader = new URL(postgres.readerDsn('shop'));
  const servers = {
    memory: [
      'mem',
      await own('memory-postgres', { POSTGRES_URL: postgres.ownerDsn('memories'), MCP_ALLOW_WRITE: 'true' }),
    ],
    timescaledb: ['tsdb', await own('timescaledb', { TIMESCALEDB_URL: postgres.ownerDsn('metrics') })],
    postgres_query: [
      'pg',
      await own('postgres-query', {
        PGHOST: '127.0.0.1',
        PGPORT: `${postgres.port}`,
        PGUSER: reader.username,
        PGPASSWORD: reader.password,
      }),
    ],
    storage: [
      'store',
      await own('storage', {
        MINIO_ENDPOINT: storage.url,
        MINIO_ACCESS_KEY: 'key',
        MINIO_SECRET_KEY: 'secret',
      }),
    ],
  } as const;
  stack = await startStack({
    servers: Object.fromEntries(
      Object.entries(servers).map(([name, [alias, { url }]]) => [
        name,
        { alias, transport: 'http', url, health_check: '/health' },
      ]),
    ),
  });
  started.push(stack);
  const ready = async (): Promise<boolean> => {
    const { parts } = (await (await fetch(`${stack.hook.url}/health/ready`)).json()) as {
      parts: Record<string, { state: string }>;
    };
    return ['mem', 'tsdb', 'pg', 'store'].every((alias) => parts[`mcp:${alias}`]?.state === 'ready');
  };
  await waitUntil(ready, { timeoutMs: 60_000, what: 'The MCP servers' });
}, 180_000);

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

describe('a turn through LiteLLM', () => {
  it('"What databases do we have?" is answered for Open WebUI by postgres_list_databases, in one clean stream', async () => {
    const { model } = stack;
    model.reset();
    model.answerWith((request) => {
      if (roundsBehind(request) === 0)
        return { toolCalls: [{ name: 'pg__postgres_list_databases', arguments: {} }] };
      const { databases } = JSON.parse(lastResults(request)[0] ?? '{}') as { databases: { name: string }[] };
      return { text: `We have ${databases.map(({ name }) => name).join(', ')}.` };
    });
    const { status, chunks, text, last } = await askAsOpenWebUi(stack, [
      { role: 'user', content: 'What databases do we have?' },
    ]);
    expect([status, text, last]).toEqual([200, 'We have memories, metrics, postgres, shop.', '[DONE]']);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    const reasons = choices.flatMap(({ finish_reason }) => finish_reason ?? []);
    expect(reasons).toEqual(['stop']);
    expect(JSON.stringify(chunks)).not.toMatch(/postgres_list_databases|tool_calls":\[/);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(toolNames(model.requests[0])).toContain('pg__postgres_query');
    expect(messagesOf(model.requests[1]).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(postgres.statements('SELECT datname AS name')).toBeGreaterThanOrEqual(1);
  });

  it('reads from the database that the model names', async () => {
    const args = { query: 'SELECT name FROM customer ORDER BY id', database: 'shop' };
    const { answer, finish } = await takeTurn(stack, {
      rounds: [[{ name: 'pg__postgres_query', arguments: args }]],
      servers: ['pg'],
    });
    expect(finish).toBe('stop');
    expect(answer).toContain('{"name":"Ada"},\n{"name":"Grace"}');
  });

  it('tells the model of a write that was refused, and counts it as a failure', async () => {
    const { results } = await takeTurn(stack, {
      rounds: [
        [
          {
            name: 'pg__postgres_query',
            arguments: { query: 'DELETE FROM customer', database: 'shop' },
          },
        ],
      ],
    });
    expect(results[0]?.[0]).toMatch(/PostgreSQL refused this \(42601\)/);
    expect(await postgres.sql('shop', 'SELECT count(*) FROM customer')).toBe('2');
    const finished = readFileSync(stack.hook.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"turn finished"'))
      .map((line) => JSON.parse(line) as { failures?: string[] });
    expect(finished.at(-1)?.failures).toEqual(['tool_error']);
  });

  it('keeps a memory in one turn and finds it in another', async () => {
    const content = 'The backup of the NAS runs at 03:30.';
    await takeTurn(stack, {
      rounds: [[{ name: 'mem__memory_create', arguments: { content, tags: ['nas'] } }]],
    });
    const { answer } = await takeTurn(stack, {
      rounds: [[{ name: 'mem__memory_search', arguments: { query: 'when is the backup' } }]],
    });
    expect(answer).toContain(content);
    expect(await postgres.sql('memories', 'SELECT content FROM mcp_memory.memories')).toBe(content);
  });

  it('asks a time series', async () => {
    const query = 'SELECT max(value) AS highest FROM readings';
    const { answer } = await takeTurn(stack, {
      rounds: [
        [
          { name: 'tsdb__tsdb_list_hypertables', arguments: {} },
          { name: 'tsdb__tsdb_query', arguments: { query } },
        ],
      ],
    });
    expect(answer).toContain('"table": "readings"');
    expect(answer).toContain('{"highest":120}');
  });

  it('finds an object in the storage and reads it', async () => {
    const { answer } = await takeTurn(stack, {
      rounds: [
        [{ name: 'store__minio_list_objects', arguments: { bucket_name: 'papers', prefix: '2026/' } }],
        [
          {
            name: 'store__minio_get_object',
            arguments: { bucket_name: 'papers', object_name: '2026/minutes.txt' },
          },
        ],
      ],
    });
    expect(answer).toContain('The harbour opens on Tuesday.');
  });
});
