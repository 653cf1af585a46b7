/** Metrics in a real Redis, with a clock of the test's: an hour passes in seconds. */
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MetricStore } from '../../hook-service/src/core/metric-store';
import { Aggregator, bucketMs } from '../../hook-service/src/metrics/aggregator';
import { createExporter } from '../../hook-service/src/metrics/exporter';
import { columns, type RowKind } from '../../hook-service/src/metrics/fields';
import { Flusher } from '../../hook-service/src/metrics/flusher';
import { createMetricStore } from '../../hook-service/src/state/metrics';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { prices, Traffic } from '../support/metrics-traffic';
import { silent } from '../support/silent-log';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-metrics-'));
const stepMs = 10_000;
let server: RunningRedis;
let redis: Redis;
const stores: MetricStore[] = [];

beforeAll(async () => {
  server = await startRedis({ dir, logFile: join(dir, 'redis.log') });
  redis = new Redis(server.url);
});

beforeEach(async () => void (await redis.flushall()));

afterAll(async () => {
  for (const store of stores) await store.close();
  redis?.disconnect();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Replica {
  readonly aggregator: Aggregator;
  readonly flusher: Flusher;
  /** Applies the next sending and loses its answer. */
  loseAnswer(): void;
  away: boolean;
}

class Clock {
  now = Math.floor(Date.now() / bucketMs) * bucketMs - 3_600_000;
}

async function startReplica(name: string, clock: Clock): Promise<Replica> {
  const store = createMetricStore({ url: server.url, log: silent });
  stores.push(store);
  await waitUntil(async () => store.ready, { timeoutMs: 20_000, what: 'the store' });
  const aggregator = new Aggregator(() => prices);
  let loses = false;
  const replica = { aggregator, away: false, loseAnswer: () => (loses = true) };
  const flusher = new Flusher({
    aggregator,
    store: {
      get ready() {
        return store.ready && !replica.away;
      },
      async send(batch) {
        const leads = await store.send(batch);
        if (!loses) return leads;
        loses = false;
        throw new Error('the answer was lost');
      },
      read: (keys) => store.read(keys),
      range: (...asked) => store.range(...asked),
      settle: (work) => store.settle(work),
      close: () => store.close(),
    },
    replica: name,
    settings: () => ({ redis: true, retentionSeconds: 7 * 86_400 }),
    parts: () => ({ servers: { files: { state: 'ready', tools: 3 } }, version: 'v0.1.0' }),
    log: silent,
    now: () => clock.now,
  });
  await flusher.tick();
  return Object.assign(replica, { flusher });
}

/** Lets time pass: in each step something happens, then every replica sends. */
async function pass(
  clock: Clock,
  replicas: readonly Replica[],
  steps: number,
  happens: (step: number) => void = () => undefined,
): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    happens(step);
    clock.now += stepMs;
    for (const { flusher } of replicas) await flusher.tick();
  }
}

type Row = Record<string, string>;
async function rows(key: string): Promise<{ id: string; row: Row }[]> {
  const entries = await redis.xrange(key, '-', '+');
  return entries.map(([id, flat]) => ({
    id,
    row: Object.fromEntries(
      flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])),
    ),
  }));
}
const sumOf = (all: readonly { row: Row }[], field: string): number =>
  all.reduce((sum, { row }) => sum + Number(row[field]), 0);

function expectAllFields(kind: RowKind, all: readonly { row: Row }[]): void {
  const wanted = columns[kind].map(([name]) => name);
  for (const { row } of all) {
    expect(Object.keys(row)).toEqual(wanted);
    for (const value of Object.values(row)) expect(value).toMatch(/^-?\d+(\.\d+)?$/);
  }
}

describe('an hour of mixed traffic at two replicas', () => {
  it('gives the same numbers in rows, totals, sums by key and at /metrics as the traffic had', async () => {
    const clock = new Clock();
    const replicas = [await startReplica('one', clock), await startReplica('two', clock)];
    const traffic = new Traffic(42);
    await pass(clock, replicas, 360, (step) => {
      for (let turn = 0; turn < 1 + (step % 3); turn += 1) {
        const replica = replicas[turn % 2];
        if (replica !== undefined) traffic.turn((each) => replica.aggregator.observe(each), clock.now);
      }
      if (step % 100 === 50) replicas[step % 2]?.loseAnswer();
    });
    await pass(clock, replicas, 12);

    const rollup = await rows('toolturn:ts:rollup');
    expectAllFields('all', rollup);
    // One row for each bucket, whatever the number of replicas.
    expect(new Set(rollup.map(({ id }) => id)).size).toBe(rollup.length);
    expect(rollup.length).toBeGreaterThanOrEqual(360);
    expect(new Set(rollup.slice(0, 360).map(({ row }) => row['replicas']))).toEqual(new Set(['2']));
    expect(new Set(rollup.map(({ row }) => row['servers_up']))).toEqual(new Set(['1']));

    const totals = await redis.hgetall('toolturn:totals');
    const keys = await Promise.all(
      (await redis.smembers('toolturn:keys')).map((key) => redis.hgetall(`toolturn:key:${key}`)),
    );
    const pages = await Promise.all(replicas.map(({ aggregator }) => pageOf(aggregator)));
    for (const [field, wanted] of Object.entries(traffic.tally)) {
      expect([field, sumOf(rollup, field)]).toEqual([field, expect.closeTo(wanted, 6)]);
      expect([field, Number(totals[field])]).toEqual([field, expect.closeTo(wanted, 6)]);
      const exported = pages.reduce((sum, page) => sum + (page.get(`toolturn_${field}_total`) ?? 0), 0);
      expect([field, exported]).toEqual([field, expect.closeTo(wanted, 6)]);
      const byKey = keys.reduce((sum, key) => sum + Number(key[field]), 0);
      expect([field, byKey]).toEqual([field, expect.closeTo(wanted, 6)]);
    }
    const conversations = await redis.keys('toolturn:conv:*');
    const priced = await Promise.all(conversations.map((key) => redis.hgetall(key)));
    expect(priced.reduce((sum, each) => sum + Number(each['cost_usd']), 0)).toBeCloseTo(
      traffic.tally.cost_usd,
      6,
    );
    const turnRows = await rows('toolturn:turns');
    expect(turnRows).toHaveLength(traffic.tally.turns);
    expect(sumOf(turnRows, 'cost_usd')).toBeCloseTo(traffic.tally.cost_usd, 6);
    expect(sumOf(turnRows, 'cost_tools_usd')).toBeCloseTo(traffic.tally.cost_tools_usd, 6);
    expect(await redis.xlen('toolturn:calls')).toBe(traffic.tally.calls);

    for (const tool of await redis.smembers('toolturn:tools')) {
      expect(tool).toMatch(/^(?:[a-z]|n:)/);
      expectAllFields('tool', await rows(`toolturn:ts:tool:${tool}`));
    }
    expectAllFields('server', await rows('toolturn:ts:server:files'));
    expectAllFields('key', await rows('toolturn:ts:key:alice'));
    expectAllFields('model', await rows('toolturn:ts:model:demo'));
    expect(await redis.zscore('toolturn:top:calls', 'files-search')).not.toBeNull();
    // Everything goes away by itself.
    for (const key of await redis.keys('toolturn:*')) {
      expect([key, (await redis.pttl(key)) > 0]).toEqual([key, true]);
    }
  }, 240_000);
});

async function pageOf(aggregator: Aggregator): Promise<Map<string, number>> {
  const parts = () => ({ servers: {}, version: 'v0.1.0' });
  const { text } = await createExporter({ aggregator, parts, processMetrics: false }).page();
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('while Redis is away', () => {
  it('sums lose nothing, memory stays bounded, and what is left out is counted', async () => {
    const clock = new Clock();
    const replica = await startReplica('one', clock);
    const traffic = new Traffic(7);
    const observe = replica.aggregator.observe.bind(replica.aggregator);
    await pass(clock, [replica], 4, () => traffic.turn(observe, clock.now));
    replica.away = true;
    // An hour: far more buckets, calls and turns than may wait.
    await pass(clock, [replica], 360, () => {
      for (let turn = 0; turn < 5; turn += 1) traffic.turn(observe, clock.now);
    });
    expect(replica.aggregator.records.size).toBeLessThanOrEqual(12_000);
    replica.away = false;
    await pass(clock, [replica], 40);
    const totals = await redis.hgetall('toolturn:totals');
    for (const field of ['turns', 'calls', 'tokens_in', 'cost_usd'] as const)
      expect(Number(totals[field])).toBeCloseTo(traffic.tally[field], 6);
    expect(Number(totals['metrics_dropped'])).toBeGreaterThan(0);
    expect(Number(totals['late_buckets'])).toBeGreaterThan(0);
    const rollup = await rows('toolturn:ts:rollup');
    expect(Number(rollup.at(-1)?.id.split('-')[0])).toBeGreaterThan(clock.now - 60_000);
    expect(Number((await redis.hgetall('toolturn:gauges'))['queue'])).toBe(0);
  }, 240_000);

  it('gauges go away, and are there again with the next sending', async () => {
    const clock = new Clock();
    const replica = await startReplica('one', clock);
    await pass(clock, [replica], 3);
    expect(await redis.hget('toolturn:gauges', 'replicas')).toBe('1');
    expect(await redis.pttl('toolturn:gauges')).toBeLessThanOrEqual(30_000);
    await redis.flushall();
    await pass(clock, [replica], 3);
    expect(await redis.hgetall('toolturn:gauges')).toMatchObject({ servers_up: '1', version: 'v0.1.0' });
  }, 60_000);
});

describe('whatever servers, models and clients call things', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom('', 'NaN', '1e5', '-Infinity', '🙂', 'a|b', 'x\ty\nz', '__proto__', '123'),
  );

  it('no row is lost, and no text becomes a number or a number a text', async () => {
    const clock = new Clock();
    const replica = await startReplica('one', clock);
    let made = 0;
    await fc.assert(
      fc.asyncProperty(text, text, text, text, fc.double(), async (tool, name, alias, client, number) => {
        made += 1;
        const of = {
          scope: 's'.repeat(32),
          dialect: 'chat',
          stream: false,
          model: name,
          keyAlias: alias,
          client,
        };
        const call = { number: 0, round: 1, id: 'x', name, server: name, tool, arguments: '{}' };
        const end = { milliseconds: number, waitedMs: number, bytesIn: 1, bytesOut: number, text: tool };
        const flags = { cached: false, replayed: false, cut: false };
        replica.aggregator.observe({
          type: 'call_finished',
          call,
          end: { ...end, ...flags },
          of,
          at: clock.now,
        });
      }),
      { numRuns: 400 },
    );
    await pass(clock, [replica], 12);
    const calls = await rows('toolturn:calls');
    expect(calls).toHaveLength(made);
    const texts = [
      'tool',
      'server',
      'key',
      'client',
      'model',
      'dialect',
      'turn',
      'conv',
      'status',
      'error_type',
    ];
    const numbers = ['at_ms', 'ms', 'wait_ms', 'bytes_in', 'bytes_out', 'round', 'cost_usd'];
    for (const { row } of calls) {
      expect(Object.keys(row).sort()).toEqual([...texts, ...numbers].sort());
      for (const field of texts)
        expect(row[field]).toMatch(/^(?!(?:nan|[+-]?inf(?:inity)?)$)(?:[A-Za-z]|n:)/i);
      for (const field of numbers) expect(row[field]).toMatch(/^-?\d+(\.\d+)?$/);
    }
    for (const tool of await redis.smembers('toolturn:tools'))
      expectAllFields('tool', await rows(`toolturn:ts:tool:${tool}`));
    expect(await redis.hget('toolturn:totals', 'calls')).toBe(String(made));
    const exporter = createExporter({ ...replica, parts: () => ({ servers: {}, version: 'v1' }) });
    expect((await exporter.page()).text).toContain(`toolturn_calls_total ${made}\n`);
  }, 120_000);
});
