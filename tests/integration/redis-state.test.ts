import { Redis } from 'ioredis';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createState, type State } from '../../hook-service/src/state/redis';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { callStoreContract, ledgerContract, turnStoreContract } from '../support/call-store-contract';
import { silent } from '../support/silent-log';

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
    expect(await other.calls.claim('s', 'shared', 60)).toEqual({ state: 'running', where: 'elsewhere' });
    await other.close();
  });

  it('are those of a dead replica when it has ended, or its heartbeat has', async () => {
    const ended = createState({ url: server.url, log: silent });
    await waitUntil(async () => ended.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
    await ended.calls.claim('s', 'ended', 60);
    await ended.firstTurns.begin('s', 'ended', 't1', 60);
    await ended.close();
    expect(await state.calls.claim('s', 'ended', 60)).toEqual({ state: 'running', where: 'dead' });
    expect(await state.firstTurns.read('s', 'ended')).toMatchObject({ state: 'running', where: 'dead' });
    const beats = (await look.keys('tt:*:alive')).map((key) => look.ttl(key));
    expect(await Promise.all(beats)).toEqual([expect.any(Number)]);
    for (const left of await Promise.all(beats)) expect(left).toBeGreaterThan(0);
  });

  it('go to Redis together where they are asked at the same moment', async () => {
    const reads = async () =>
      Number(/total_reads_processed:(\d+)/.exec(await look.info('stats'))?.[1] ?? Number.NaN);
    const before = await reads();
    const asked = Array.from({ length: 20 }, (_, number) => state.calls.claim('s', `together-${number}`, 60));
    expect(await Promise.all(asked)).toEqual(Array(20).fill({ state: 'claimed' }));
    // Those twenty, this look itself, and a heartbeat may be among them.
    expect((await reads()) - before).toBeLessThan(6);
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

describe('turns in Redis', () => {
  turnStoreContract(() => state.firstTurns);

  it('begin anew where the record cannot be read', async () => {
    await look.set('tt:{s}:turn:odd', '{"half', 'EX', 60);
    expect(await state.firstTurns.begin('s', 'odd', 't1', 60)).toBeUndefined();
    expect(await state.firstTurns.begin('s', 'odd', 't2', 60)).toMatchObject({ turn: 't1' });
  });

  it('are kept without an answer that is too large', async () => {
    const answer = { texts: ['x'.repeat(2_000_000)] };
    await state.firstTurns.put('s', 'large', { turn: 't1', state: 'answered', answer }, 60);
    expect(await state.firstTurns.read('s', 'large')).toEqual({
      turn: 't1',
      state: 'answered',
      where: 'here',
    });
  });
});

describe('the ledger in Redis', () => {
  ledgerContract(() => state.ledger);

  it('stores a turn once, however many keys lead to it', async () => {
    await state.ledger.keep('once', ['a', 'b', 'c', 'd'], { text: 'x'.repeat(10_000) }, 60);
    const keys = await look.keys('tt:{once}:*');
    const sizes = await Promise.all(keys.map((key) => look.strlen(key)));
    expect(keys).toHaveLength(5);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(11_000);
  });

  it('knows nothing of what is not ours or has the wrong type, and finds the rest', async () => {
    await state.ledger.keep('odd', ['good'], { a: 1 }, 60);
    await state.ledger.keep('odd', ['list'], { a: 2 }, 60);
    await state.ledger.keep('odd', ['text'], { a: 3 }, 60);
    const [list, text] = ['list', 'text'].map((key) => `tt:{odd}:ledger:${nameOf(key)}`) as [string, string];
    await look.del(list);
    await look.lpush(list, 'x');
    await look.set(text, 'text:gone', 'EX', 60);
    expect(await state.ledger.recall('odd', [['list'], ['text'], ['text', 'good']])).toEqual([
      undefined,
      undefined,
      { a: 1 },
    ]);
    await look.del(list);
  });

  it('asks for a whole conversation in one command', async () => {
    const groups = Array.from({ length: 200 }, (_, turn) => [`strong${turn}`, `weak${turn}`]);
    await state.ledger.keep('long', ['weak150'], { a: 1 }, 60);
    await state.ledger.recall('long', [['weak150']]); // the script is known from here on
    const before = await commands(look);
    const found = await state.ledger.recall('long', groups);
    expect(found.filter((each) => each !== undefined)).toEqual([{ a: 1 }]);
    expect((await commands(look)).evalsha - before.evalsha).toBe(1);
  });

  it('finds each answer of a conversation of thousands of keys in its place', async () => {
    const groups = Array.from({ length: 1_200 }, (_, turn) => [`strong${turn}`, `weak${turn}`]);
    const kept = [0, 499, 500, 999, 1_000, 1_199];
    for (const turn of kept) await state.ledger.keep('endless', [`weak${turn}`], { turn }, 60);
    const found = await state.ledger.recall('endless', groups);
    expect(found.flatMap((each, turn) => (each === undefined ? [] : [[turn, each]]))).toEqual(
      kept.map((turn) => [turn, { turn }]),
    );
  });
});

describe('what is used, in Redis', () => {
  const add = { rounds: 1, calls: 2, tokens: 0, costUsd: 0.125, resultBytes: 0, milliseconds: 3 };
  const nothing = { rounds: 0, calls: 0, tokens: 0, costUsd: 0, resultBytes: 0, milliseconds: 0 };
  const counters = [
    { name: 'conv:c-1', seconds: 60, add },
    { name: 'key', seconds: 3600, slides: true as const, add },
  ];

  it('is summed up over replicas, in one command, and has an end', async () => {
    const other = createState({ url: server.url, log: silent });
    await waitUntil(async () => other.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
    await state.usage.add('use', counters);
    await other.usage.add('another', counters); // the script is known from here on
    const before = await commands(look);
    const sums = await other.usage.add('use', counters);
    expect((await commands(look)).evalsha - before.evalsha).toBe(1);
    for (const sum of sums)
      expect(sum).toEqual({ ...nothing, rounds: 2, calls: 4, costUsd: 0.25, milliseconds: 6 });
    const keys = await look.keys('tt:{use}:used:*');
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await look.ttl(key)).toBeGreaterThan(0);
    await other.close();
  });

  it('is read without a trace of it, and what has the wrong type costs nothing', async () => {
    expect(await state.usage.add('unused', [{ name: 'key', seconds: 60, add: nothing }])).toEqual([nothing]);
    expect(await look.keys('tt:{unused}:*')).toEqual([]);
    await look.set('tt:{odd-use}:used:conv:c', 'text', 'EX', 60);
    // Memory takes its place.
    expect(await state.usage.add('odd-use', [{ name: 'conv:c', seconds: 60, add }])).toEqual([add]);
  });
});

describe('every key in Redis', () => {
  it('has a scope as hash tag and a time after which it is gone', async () => {
    await state.calls.record('s', 'k', { digest: 'd', result: { content: [] } }, 60);
    const keys = (await look.keys('*')).filter((key) => key !== 'tt:{s}:call:list');
    expect(keys.length).toBeGreaterThan(3);
    for (const key of keys) {
      expect(key).toMatch(/^tt:\{[^}]+\}:((call|ledger|turn|used):|alive$)/);
      expect(await look.ttl(key)).toBeGreaterThan(0);
    }
  });
});

/** How often Redis was asked to run a script that it knows. */
async function commands(redis: Redis): Promise<{ evalsha: number }> {
  const stats = await redis.info('commandstats');
  return { evalsha: Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0) };
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}

describe('what stands in Redis with a data key', () => {
  const keys = [randomBytes(32), randomBytes(32)] as const;
  const opened: State[] = [];
  const open = async (seal: { keys: Buffer[]; readsPlain: boolean }): Promise<State> => {
    const made = createState({ url: server.url, seal, log: silent });
    opened.push(made);
    await waitUntil(async () => made.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
    return made;
  };
  afterAll(() => Promise.all(opened.map((each) => each.close())));

  it('keeps every promise of the stores, and shows nothing of what it holds', async () => {
    const sealed = await open({ keys: [keys[0]], readsPlain: false });
    const canary = 'canary-in-the-mine';
    const result = { content: [{ type: 'text' as const, text: canary }] };
    await sealed.calls.claim('sealed', 'call', 60);
    await sealed.calls.record('sealed', 'call', { digest: 'd', result }, 60);
    await sealed.ledger.keep('sealed', ['k'], { hidden: { canary } }, 60);
    await sealed.texts.keep('sealed', 'h', Buffer.from(canary.repeat(5000)), 60);
    await sealed.results.put('sealed', 'r', result, 60);
    expect(await sealed.calls.claim('sealed', 'call', 60)).toEqual({
      state: 'recorded',
      call: { digest: 'd', result },
    });
    expect(await sealed.ledger.recall('sealed', [['k']])).toEqual([{ hidden: { canary } }]);
    const piece = await sealed.texts.read('sealed', 'h', 18 * 1000, 18);
    expect([Buffer.from(piece?.bytes ?? []).toString(), piece?.total]).toEqual([canary, 90_000]);
    expect(await sealed.results.get('sealed', 'r')).toEqual(result);
    const kept = await look.keys('tt:{sealed}:*');
    expect(kept.length).toBeGreaterThanOrEqual(4);
    for (const key of kept) expect((await look.getBuffer(key))?.toString('latin1')).not.toContain(canary);
  });

  it('is read with both keys while they change; without its key a call of unknown fate is not run again', async () => {
    const old = await open({ keys: [keys[0]], readsPlain: false });
    await old.ledger.keep('rotated', ['k'], { hidden: { a: 1 } }, 60);
    await old.calls.record('rotated', 'call', { digest: 'd', result: { content: [] } }, 60);
    const both = await open({ keys: [keys[1], keys[0]], readsPlain: false });
    expect(await both.ledger.recall('rotated', [['k']])).toEqual([{ hidden: { a: 1 } }]);
    const fresh = await open({ keys: [keys[1]], readsPlain: false });
    expect(await fresh.ledger.recall('rotated', [['k']])).toEqual([undefined]);
    expect(await fresh.calls.claim('rotated', 'call', 60)).toEqual({ state: 'unreadable' });
  });
});

describe('calls in Redis with a data key', () => {
  let sealed: State;
  beforeAll(async () => {
    sealed = createState({
      url: server.url,
      seal: { keys: [randomBytes(32)], readsPlain: false },
      log: silent,
    });
    await waitUntil(async () => sealed.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
    await look.flushall();
  });
  afterAll(() => sealed?.close());
  callStoreContract(() => sealed.calls);
  turnStoreContract(() => sealed.firstTurns);
  ledgerContract(() => sealed.ledger);
});
