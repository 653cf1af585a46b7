import type { ApprovalStore } from '../core/approvals';
import { goOnWithout, logFailure } from '../core/failure-policy';
import type { PinStore } from '../core/pins';
import type {
  CallStore,
  Ledger,
  Log,
  PartHealth,
  RateStore,
  ResultCache,
  Scope,
  TextStore,
  TurnStore,
  UsageStore,
} from '../core/ports';
import { bothApprovals, memoryApprovals, redisApprovals } from './approvals';
import { connectRedis, sendTogether } from './connection';
import { memoryCallStore, redisCalls, rememberedCalls } from './claims';
import { redisLedger } from './ledger';
import { jsonLength, memoryLedger } from './memory';
import { MissedWrites } from './missed-writes';
import { redisPins } from './pins';
import { memoryRates, redisRates } from './rates';
import { Replica } from './replica';
import { memoryResults, redisResults } from './results';
import { createSeal, plainSeal, type Seal, type SealKeys } from './seal';
import { memoryTexts, redisTexts } from './texts';
import { memoryTurns, redisTurns, rememberedTurn } from './turns';
import { memoryUsage, redisUsage } from './usage';

export interface State {
  readonly calls: CallStore;
  /** Turns, for those who repeat them. */
  readonly firstTurns: TurnStore;
  readonly ledger: Ledger;
  readonly texts: TextStore;
  readonly results: ResultCache;
  readonly rates: RateStore;
  readonly usage: UsageStore;
  /** Questions to people. What was asked in Redis is not known while Redis is away. */
  readonly approvals: ApprovalStore;
  /** Definitions of tools, shared by replicas; absent where no Redis is configured. Rejects while Redis is away. */
  readonly pins?: PinStore;
  health(): PartHealth;
  close(): Promise<void>;
}

/** No request waits longer than this for Redis; then memory takes its place. */
const commandTimeoutMs = 500;

/**
 * What must outlive a request, in Redis; in this process's memory while Redis is away or where none is
 * configured. Never throws and never waits longer than half a second.
 */
export function createState(options: { url: string | undefined; seal?: SealKeys; log: Log }): State {
  const seal = options.seal === undefined ? plainSeal : createSeal(options.seal);
  const fallback = {
    calls: memoryCallStore(),
    firstTurns: memoryTurns(),
    ledger: memoryLedger(),
    texts: memoryTexts(),
    results: memoryResults(),
    rates: memoryRates(),
    usage: memoryUsage(),
    approvals: memoryApprovals(),
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

const callOf = ([scope, call]: readonly [Scope, string, ...unknown[]]): string => `call:${scope}:${call}`;
const turnOf = ([scope, state]: readonly [Scope, string, ...unknown[]]): string => `turn:${scope}:${state}`;

function redisState(
  url: string,
  seal: Seal,
  log: Log,
  fallback: Pick<State, 'firstTurns' | 'ledger' | 'texts' | 'results' | 'rates' | 'usage' | 'approvals'> & {
    readonly calls: ReturnType<typeof memoryCallStore>;
  },
): State {
  let lost: string | undefined = 'connecting';
  const missed = new MissedWrites();
  let awayAt = 0;
  const redis = connectRedis(url, commandTimeoutMs, (reason) => {
    if (lost !== reason) logFailure(log, 'redis', 'lost', { reason });
    lost = reason;
  });
  redis.on('ready', () => {
    if (lost !== undefined && lost !== 'connecting') logFailure(log, 'redis', 'back');
    if (lost !== 'connecting') awayAt = Date.now();
    lost = undefined;
    void missed.replay();
  });
  redis.on('close', () => (lost ??= 'the connection was closed'));

  /** Redis, or memory when it fails: the request path keeps its promise (safety.md G1). */
  async function orMemory<T>(what: string, use: () => Promise<T>, instead: () => Promise<T>): Promise<T> {
    if (redis.status !== 'ready') return instead();
    try {
      sendTogether(redis);
      const done = await use();
      missed.redisWorks();
      return done;
    } catch (error) {
      awayAt = Date.now();
      goOnWithout(log, 'redis', 'once', { what, error });
      return instead();
    }
  }

  const knowsAllSince = (time: number): boolean => redis.status === 'ready' && awayAt < time;

  const replica = new Replica(redis);
  const inRedis = redisCalls(redis, seal, replica);
  const calls = rememberedCalls(inRedis, fallback.calls);
  const firstTurns = redisTurns(redis, seal, replica);
  const texts = redisTexts(redis, seal);
  const ledger = redisLedger(redis, seal);
  const results = redisResults(redis, seal);
  const rates = redisRates(redis);
  const usage = redisUsage(redis);
  const approvals = bothApprovals(redisApprovals(redis, seal), fallback.approvals);
  const knownApprovals = (): ApprovalStore => (redis.status === 'ready' ? approvals : fallback.approvals);

  return {
    calls: {
      claim: (...call) =>
        orMemory(
          'claim',
          async () => {
            const claim = await calls.claim(...call);
            // A release that was missed would take this claim away.
            if (claim.state === 'claimed') missed.forget(callOf(call));
            return claim;
          },
          async () => {
            const claim = await fallback.calls.claim(...call);
            if (claim.state === 'claimed')
              missed.note(callOf(call), async () => {
                // It may have been given back, or have come to its end, in the meantime.
                if (fallback.calls.peek(call[0], call[1]) === 'running') await inRedis.claim(...call);
              });
            return claim;
          },
        ),
      record: (...call) =>
        orMemory(
          'record',
          async () => {
            await calls.record(...call);
            missed.forget(callOf(call));
          },
          async () => {
            await fallback.calls.record(...call);
            missed.note(callOf(call), () => inRedis.record(...call), jsonLength(call[2]));
          },
        ),
      release: (...call) => {
        missed.forget(callOf(call));
        return orMemory(
          'release a claim',
          () => calls.release(...call),
          async () => {
            await fallback.calls.release(...call);
            missed.note(callOf(call), () => inRedis.release(...call));
          },
        );
      },
    },
    firstTurns: {
      knowsAllSince,
      begin: (...turn) =>
        orMemory(
          'begin a turn',
          async () => {
            const [scope, state, id, ttlSeconds] = turn;
            const kept = await fallback.firstTurns.read(scope, state);
            const found = await firstTurns.begin(...turn);
            if (found !== undefined || kept === undefined) return found;
            // It was begun here while Redis was away, and Redis has not heard of it yet.
            const { where: _where, ...first } = kept;
            if (first.turn !== id) await firstTurns.put(scope, state, first, ttlSeconds);
            return kept;
          },
          async () => {
            const found = await fallback.firstTurns.begin(...turn);
            const [scope, state, id, ttlSeconds] = turn;
            if (found === undefined)
              missed.note(turnOf(turn), () =>
                firstTurns.put(scope, state, { turn: id, state: 'running' }, ttlSeconds),
              );
            return found;
          },
        ),
      read: (...turn) =>
        orMemory(
          'read a turn',
          () => firstTurns.read(...turn),
          () => fallback.firstTurns.read(...turn),
        ),
      put: (...turn) =>
        orMemory(
          'keep a turn',
          async () => {
            await firstTurns.put(...turn);
            missed.forget(turnOf(turn));
            // What memory says of it must not be older.
            const [scope, state] = turn;
            if ((await fallback.firstTurns.read(scope, state)) !== undefined)
              await fallback.firstTurns.put(...turn);
          },
          async () => {
            const [scope, state, first, ttlSeconds] = turn;
            const kept = rememberedTurn(first);
            await fallback.firstTurns.put(scope, state, kept, ttlSeconds);
            missed.note(turnOf(turn), () => firstTurns.put(scope, state, kept, ttlSeconds), jsonLength(kept));
          },
        ),
    },
    ledger: {
      knowsAllSince,
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
    usage: {
      add: (...counters) =>
        orMemory(
          'count what is used',
          () => usage.add(...counters),
          () => fallback.usage.add(...counters),
        ),
    },
    approvals: {
      ask: (...question) =>
        orMemory(
          'ask a person',
          () => approvals.ask(...question),
          () => fallback.approvals.ask(...question),
        ),
      read: (...of) => knownApprovals().read(...of),
      find: (code) => knownApprovals().find(code),
      decide: (...decision) => knownApprovals().decide(...decision),
      open: () => knownApprovals().open(),
      settle: (code) => knownApprovals().settle(code),
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
      await replica.end();
      redis.disconnect();
    },
  };
}
