/** What a replica did while Redis was away is known to the others when it is back. */
import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createState, type State } from '../../hook-service/src/state/redis';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { silent } from '../support/silent-log';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-missed-'));
const result = { content: [{ type: 'text' as const, text: 'done' }] };
let server: RunningRedis;
let [one, other]: State[] = [];

const start = (port?: number) =>
  startRedis({
    dir,
    persist: true,
    logFile: join(dir, 'redis.log'),
    ...(port === undefined ? {} : { port }),
  });
const are = (wanted: string) =>
  waitUntil(async () => one?.health().state === wanted && other?.health().state === wanted, {
    timeoutMs: 30_000,
    what: `Redis, ${wanted}`,
  });
const states = (): [State, State] => [one as State, other as State];

beforeAll(async () => {
  server = await start();
  [one, other] = [
    createState({ url: server.url, log: silent }),
    createState({ url: server.url, log: silent }),
  ];
  await are('ready');
}, 60_000);

afterAll(async () => {
  await one?.close();
  await other?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

it('claims, outcomes and turns of the time without Redis are found by another replica', async () => {
  const [a, b] = states();
  await a.calls.claim('s', 'before', 60);
  await server.stop();
  await are('reconnecting');
  expect(b.firstTurns.knowsAllSince?.(Date.now())).toBe(false);
  await a.calls.record('s', 'before', { digest: 'd', result }, 60);
  await a.calls.claim('s', 'running', 60);
  await a.calls.claim('s', 'given back', 60);
  await a.calls.release('s', 'given back');
  await a.firstTurns.begin('s', 'state', 'turn-1', 60);
  await a.firstTurns.put('s', 'state', { turn: 'turn-1', state: 'ended', endedAt: 1, delivered: false }, 60);
  await a.firstTurns.begin('s', 'other state', 'turn-2', 60);
  server = await start(server.port);
  await are('ready');
  const found = async (call: string) => b.calls.claim('s', call, 60);
  await waitUntil(async () => (await b.firstTurns.read('s', 'other state')) !== undefined, {
    timeoutMs: 10_000,
    what: 'What was missed',
  });
  expect(await found('before')).toEqual({ state: 'recorded', call: { digest: 'd', result } });
  expect(await found('running')).toEqual({ state: 'running', where: 'elsewhere' });
  expect(await found('given back')).toEqual({ state: 'claimed' });
  expect(await b.firstTurns.read('s', 'state')).toMatchObject({ turn: 'turn-1', state: 'ended' });
  expect(await b.firstTurns.begin('s', 'other state', 'turn-3', 60)).toMatchObject({ turn: 'turn-2' });
  // Another replica may have died with what it did meanwhile.
  expect(b.firstTurns.knowsAllSince?.(Date.now() - 600_000)).toBe(false);
  expect(b.firstTurns.knowsAllSince?.(Date.now() + 1)).toBe(true);
}, 60_000);

it('what was missed while Redis was slow is there once it answers, though no connection broke', async () => {
  const [a, b] = states();
  const client = new Redis(server.url);
  const paused = Date.now();
  await client.client('PAUSE', 3_000, 'ALL');
  // Each waits half a second.
  await a.calls.record('s', 'while it was slow', { digest: 'd', result }, 60);
  await a.firstTurns.begin('s', 'slow', 'turn-5', 60);
  expect([a.health().state, a.firstTurns.knowsAllSince?.(paused)]).toEqual(['ready', false]);
  await client.ping();
  client.disconnect();
  await a.texts.read('s', 'anything', 0, 1);
  await waitUntil(async () => (await b.firstTurns.read('s', 'slow')) !== undefined, {
    timeoutMs: 10_000,
    what: 'What was missed',
  });
  expect(await b.calls.claim('s', 'while it was slow', 60)).toMatchObject({ state: 'recorded' });
}, 30_000);

it('a turn that has ended since is not taken for what it was while Redis was away', async () => {
  const [a] = states();
  await a.firstTurns.put(
    's',
    'other state',
    { turn: 'turn-2', state: 'answered', endedAt: 5, delivered: true },
    60,
  );
  expect(await a.firstTurns.begin('s', 'other state', 'turn-4', 60)).toMatchObject({ state: 'answered' });
});
