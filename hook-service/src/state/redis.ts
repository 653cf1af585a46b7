import { Redis } from 'ioredis';
import { z } from 'zod';
import type { PinStore } from '../core/pins';
import type {
  CallStore,
  Claim,
  Ledger,
  Log,
  PartHealth,
  RateStore,
  RecordedCall,
  ResultCache,
  TextStore,
} from '../core/ports';
import { redisLedger } from './ledger';
import { memoryCallStore, memoryLedger } from './memory';
import { redisPins } from './pins';
import { memoryRates, redisRates } from './rates';
import { memoryResults, redisResults } from './results';
import { createSeal, plainSeal, type Seal, type SealKeys } from './seal';
import { memoryTexts, redisTexts } from './texts';

/** A record as it stands in Redis. Written by us, yet parsed: another version may have written it. */
const storedCall = z.union([
  z.object({ running: z.literal(true) }),
  z.object({
    digest: z.string(),
    result: z.object({ content: z.array(z.looseObject({ type: z.string() })) }).loose(),
  }),
]);

export interface State {
  readonly calls: CallStore;
  readonly ledger: Ledger;
  readonly texts: TextStore;
  readonly results: ResultCache;
  readonly rates: RateStore;
  /** Definitions of tools, shared by replicas; absent where no Redis is configured. Rejects while Redis is away. */
  readonly pins?: PinStore;
  health(): PartHealth;
  close(): Promise<void>;
}

/** No request waits longer than this for Redis; then memory takes its place. */
const commandTimeoutMs = 500;

/** `{scope}` is a hash tag: in a cluster everything of one caller stands on one node. */
const callKeyOf = (scope: string, callKey: string): string => `tt:{${scope}}:call:${callKey}`;

const runningMark = JSON.stringify({ running: true });

/**
 * What must outlive a request, in Redis; in this process's memory while Redis is away or where none is
 * configured. Never throws and never waits longer than half a second.
 */
export function createState(options: { url: string | undefined; seal?: SealKeys; log: Log }): State {
  const seal = options.seal === undefined ? plainSeal : createSeal(options.seal);
  const fallback = {
    calls: memoryCallStore(),
    ledger: memoryLedger(),
    texts: memoryTexts(),
    results: memoryResults(),
    rates: memoryRates(),
  };
  if (options.url === undefined) {
    return {
      ...fallback,
      health: () => ({
        state: 'disabled',
        reason: 'REDIS_URL is not set: outcomes and hidden rounds are lost at a restart.',
      }),
      close: async () => undefined,
    };
  }
  return redisState(options.url, seal, options.log, fallback);
}

function redisState(
  url: string,
  seal: Seal,
  log: Log,
  fallback: Pick<State, 'calls' | 'ledger' | 'texts' | 'results' | 'rates'>,
): State {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 6), 5000) * (0.75 + Math.random() / 2),
  });
  let lost: string | undefined = 'connecting';
  redis.on('ready', () => {
    if (lost !== undefined && lost !== 'connecting') log.info('redis is back');
    lost = undefined;
  });
  redis.on('error', (error: Error & { code?: string }) => {
    const reason = error.code ?? error.name;
    if (lost !== reason)
      log.warn('redis is lost: outcomes and hidden rounds are kept in memory only', { reason });
    lost = reason;
  });
  redis.on('close', () => (lost ??= 'the connection was closed'));

  /** Redis, or memory when it fails: the request path keeps its promise (safety.md G1). */
  async function orMemory<T>(what: string, use: () => Promise<T>, instead: () => Promise<T>): Promise<T> {
    if (redis.status !== 'ready') return instead();
    try {
      return await use();
    } catch (error) {
      log.warn('redis failed, memory is used instead', { what, error });
      return instead();
    }
  }

  const texts = redisTexts(redis, seal);
  const ledger = redisLedger(redis, seal);
  const results = redisResults(redis, seal);
  const rates = redisRates(redis);

  return {
    calls: {
      claim: (scope, callKey, ttl) =>
        orMemory(
          'claim',
          () => claim(redis, seal, callKeyOf(scope, callKey), ttl),
          () => fallback.calls.claim(scope, callKey, ttl),
        ),
      record: (scope, callKey, call, ttl) =>
        orMemory(
          'record',
          async () => {
            const key = callKeyOf(scope, callKey);
            await redis.set(key, seal.close(key, JSON.stringify(call)), 'EX', ttl);
          },
          () => fallback.calls.record(scope, callKey, call, ttl),
        ),
    },
    ledger: {
      keep: (...entry) =>
        orMemory(
          'keep',
          () => ledger.keep(...entry),
          () => fallback.ledger.keep(...entry),
        ),
      recall: (...asked) =>
        orMemory(
          'recall',
          async () => {
            const found = await ledger.recall(...asked);
            if (found.every((each) => each !== undefined)) return found;
            // What was kept while Redis was away, or took no writes, lies in memory.
            const kept = await fallback.ledger.recall(...asked);
            return found.map((each, index) => each ?? kept[index]);
          },
          () => fallback.ledger.recall(...asked),
        ),
    },
    texts: {
      keep: (...text) =>
        orMemory(
          'keep a text',
          () => texts.keep(...text),
          () => fallback.texts.keep(...text),
        ),
      // What was kept while Redis was away lies in memory.
      read: (...piece) =>
        orMemory(
          'read a text',
          async () => (await texts.read(...piece)) ?? fallback.texts.read(...piece),
          () => fallback.texts.read(...piece),
        ),
    },
    results: {
      get: (...key) =>
        orMemory(
          'read a result',
          () => results.get(...key),
          () => fallback.results.get(...key),
        ),
      put: (...result) =>
        orMemory(
          'keep a result',
          () => results.put(...result),
          () => fallback.results.put(...result),
        ),
    },
    rates: {
      take: (...counters) =>
        orMemory(
          'count a call',
          () => rates.take(...counters),
          () => fallback.rates.take(...counters),
        ),
    },
    pins: redisPins(redis),
    health: () =>
      lost === undefined
        ? { state: 'ready' }
        : {
            state: lost === 'connecting' ? 'starting' : 'reconnecting',
            reason: `Redis cannot be used (${lost}). Turns work; outcomes and hidden rounds are kept in memory only and are lost at a restart or on another replica.`,
          },
    close: async () => {
      redis.disconnect();
    },
  };
}

/** One round trip: take the claim if nobody has it, and read what is there. */
async function claim(redis: Redis, seal: Seal, key: string, ttlSeconds: number): Promise<Claim> {
  const [taken, found] =
    (await redis.pipeline().set(key, seal.close(key, runningMark), 'EX', ttlSeconds, 'NX').get(key).exec()) ??
    [];
  if (taken?.[0]) throw taken[0];
  if (taken?.[1] === 'OK') return { state: 'claimed' };
  if (found?.[0]) throw found[0];
  const text = found?.[1];
  if (typeof text !== 'string') return { state: 'claimed' };
  const opened = seal.open(key, text);
  if (opened === undefined) return { state: 'unreadable' };
  const stored = storedCall.safeParse(parseJson(opened));
  if (!stored.success) return { state: 'claimed' };
  return 'running' in stored.data
    ? { state: 'running' }
    : { state: 'recorded', call: stored.data as unknown as RecordedCall };
}

function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
