import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createState, type State } from '../../hook-service/src/state/redis';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { callStoreContract, ledgerContract } from '../support/call-store-contract';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const dir = mkdtempSync(join(tmpdir(), 'toolturn-redis-'));
let server: RunningRedis;
let state: State;
let look: Redis;

beforeAll(async () => {
  server = await startRedis({ dir, logFile: join(dir, 'redis.log') });
  state = createState({ url: server.url, log: silent });
  look = new Redis(server.url);
  await waitUntil(async () => state.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
});

afterAll(async () => {
  await state?.close();
  look?.disconnect();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('calls in Redis', () => {
  callStoreContract(() => state.calls);

  it('are known to another replica', async () => {
    const other = createState({ url: server.url, log: silent });
    await waitUntil(async () => other.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
    await state.calls.claim('s', 'shared', 60);
    expect(await other.calls.claim('s', 'shared', 60)).toEqual({ state: 'running' });
    await other.close();
  });

  it('are claimed again where the record cannot be read', async () => {
    await look.set('tt:{s}:call:odd', '{"half', 'EX', 60);
    expect(await state.calls.claim('s', 'odd', 60)).toEqual({ state: 'claimed' });
  });

  it('work from memory while the key has the wrong type', async () => {
    await look.lpush('tt:{s}:call:list', 'x');
    expect(await state.calls.claim('s', 'list', 60)).toEqual({ state: 'claimed' });
  });
});

describe('the ledger in Redis', () => {
  ledgerContract(() => state.ledger);
});

describe('every key in Redis', () => {
  it('has a scope as hash tag and a time after which it is gone', async () => {
    await state.calls.record('s', 'k', { digest: 'd', result: { content: [] } }, 60);
    const keys = (await look.keys('*')).filter((key) => key !== 'tt:{s}:call:list');
    expect(keys.length).toBeGreaterThan(3);
    for (const key of keys) {
      expect(key).toMatch(/^tt:\{[^}]+\}:(call|ledger):/);
      expect(await look.ttl(key)).toBeGreaterThan(0);
    }
  });
});
