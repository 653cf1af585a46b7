import type { Redis, Result } from 'ioredis';
import type { RateCounter, RateStore } from '../core/ports';
import { BoundedMap } from './memory';

/**
 * A sliding window by two fixed ones: what was counted in the window before weighs as much as is left of it. All
 * counters are looked at before any is raised, so that a call which is refused counts nowhere.
 * KEYS: for each counter the present window and the one before. ARGV: the share of the one before, the seconds that a
 * window is kept, then the limits.
 */
const takeScript = `
local share, keep = tonumber(ARGV[1]), ARGV[2]
for i = 1, #ARGV - 2 do
  local now = tonumber(redis.call('GET', KEYS[2 * i - 1]) or '0') or 0
  local before = tonumber(redis.call('GET', KEYS[2 * i]) or '0') or 0
  if now + before * share + 1 > tonumber(ARGV[i + 2]) then return i end
end
for i = 1, #ARGV - 2 do
  redis.call('INCR', KEYS[2 * i - 1])
  redis.call('EXPIRE', KEYS[2 * i - 1], keep)
end
return 0`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takeRates(keys: number, ...args: (string | number)[]): Result<number, Context>;
  }
}

/** The windows of one counter, and how much of the one before still counts. */
function windowsAt(now: number, windowSeconds: number) {
  const at = now / 1000 / windowSeconds;
  const window = Math.floor(at);
  return { window, before: window - 1, share: 1 - (at - window) };
}

const keyOf = (scope: string, name: string, window: number): string => `tt:{${scope}}:rate:${name}:${window}`;

/** Counts in Redis, for all replicas. Rejects when Redis does. */
export function redisRates(redis: Redis, now: () => number = Date.now): RateStore {
  redis.defineCommand('takeRates', { lua: takeScript });
  return {
    async take(scope, counters, windowSeconds) {
      const { window, before, share } = windowsAt(now(), windowSeconds);
      const keys = counters.flatMap(({ name }) => [keyOf(scope, name, window), keyOf(scope, name, before)]);
      const limits = counters.map(({ limit }) => limit);
      const full = await redis.takeRates(keys.length, ...keys, share, windowSeconds * 2, ...limits);
      return full === 0 ? undefined : full - 1;
    },
  };
}

/** Counts of this process alone. */
export function memoryRates(capacity = 10_000, now: () => number = Date.now): RateStore {
  const counts = new BoundedMap<number>(capacity, now);
  return {
    async take(scope, counters, windowSeconds) {
      const { window, before, share } = windowsAt(now(), windowSeconds);
      const at = ({ name }: RateCounter, which: number) => counts.get(keyOf(scope, name, which)) ?? 0;
      const full = counters.findIndex((each) => at(each, window) + at(each, before) * share + 1 > each.limit);
      if (full !== -1) return full;
      for (const each of counters)
        counts.set(keyOf(scope, each.name, window), at(each, window) + 1, windowSeconds * 2);
      return undefined;
    },
  };
}
