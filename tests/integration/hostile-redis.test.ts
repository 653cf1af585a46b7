/** What a Redis that misbehaves costs: memory takes its place, nothing waits for long, and it is used again by itself. */
import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createState, type State } from '../../hook-service/src/state/redis';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { silent } from '../support/silent-log';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-redis-'));
const warnings: string[] = [];
const log = { ...silent, warn: (message: string) => void warnings.push(message) };
let server: RunningRedis;
let state: State;
let look: Redis;
const opened: State[] = [];

const open = (): State => {
  const made = createState({ url: server.url, log });
  opened.push(made);
  return made;
};
const ready = (which: State) =>
  waitUntil(async () => which.health().state === 'ready', { timeoutMs: 20_000, what: 'Redis' });

beforeAll(async () => {
  server = await startRedis({ dir, logFile: join(dir, 'redis.log') });
  state = open();
  look = new Redis(server.url, { maxRetriesPerRequest: null });
  look.on('error', () => undefined);
  await ready(state);
});

afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()));
  look?.disconnect();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const outcome = { digest: 'd', result: { content: [{ type: 'text' as const, text: 'done' }] } };

/** The promise of the stores: one claims, the outcome is there for the next, and the ledger gives back what it took. */
async function keepsItsPromise(name: string, store = state): Promise<void> {
  const call = `call-${name}`;
  expect(await store.calls.claim('s', call, 60)).toEqual({ state: 'claimed' });
  await store.calls.record('s', call, outcome, 60);
  expect(await store.calls.claim('s', call, 60)).toEqual({ state: 'recorded', call: outcome });
  await store.ledger.keep('s', [`key-${name}`], { text: name }, 60);
  expect(await store.ledger.recall('s', [[`key-${name}`]])).toEqual([{ text: name }]);
}

test.each([
  [
    'takes no writes, as a replica does',
    () => look.call('REPLICAOF', '127.0.0.1', '1'),
    () => look.call('REPLICAOF', 'NO', 'ONE'),
  ],
  ['is full', () => look.config('SET', 'maxmemory', '1'), () => look.config('SET', 'maxmemory', '0')],
  [
    'does not answer',
    async () => process.kill(server.pid, 'SIGSTOP'),
    async () => process.kill(server.pid, 'SIGCONT'),
  ],
])(
  'G1: a Redis that %s leaves the request path its promise, and is used again by itself',
  async (what, breaks, mends) => {
    warnings.length = 0;
    await breaks();
    try {
      await keepsItsPromise(what);
      expect(warnings).toContain('redis failed, memory is used instead');
    } finally {
      await mends();
    }
    await ready(state);
    // With the time that a connection needs to answer what has piled up.
    await waitUntil(
      async () => {
        await state.calls.record('s', `after-${what}`, outcome, 60);
        return (await look.keys('tt:{s}:call:*')).some((key) => key.includes(`after-${what}`));
      },
      { timeoutMs: 20_000, what: 'a record in Redis' },
    );
  },
  60_000,
);

test('G1: a Redis that is away at the start is used when it comes', async () => {
  await server.stop();
  const early = open();
  await keepsItsPromise('early', early);
  expect(early.health().state).not.toBe('ready');
  server = await startRedis({ dir, port: server.port, logFile: join(dir, 'redis.log') });
  await ready(early);
  await keepsItsPromise('late', early);
  expect(await look.keys('tt:{s}:call:*')).not.toEqual([]);
}, 60_000);

test('G1: of a key that was thrown out the replica still knows what its call came to, and the answer goes without its memory', async () => {
  await ready(state);
  await keepsItsPromise('evicted');
  await look.flushall();
  expect(await state.calls.claim('s', 'call-evicted', 60)).toMatchObject({ state: 'recorded' });
  expect(await state.ledger.recall('s', [['key-evicted']])).toEqual([undefined]);
});
