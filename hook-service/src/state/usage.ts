import type { Redis, Result } from 'ioredis';
import { noAmounts, type Amounts } from '../core/allowance';
import type { UsageCounter, UsageStore } from '../core/ports';
import { BoundedMap } from './memory';

const names = Object.keys(noAmounts) as (keyof Amounts)[];

/**
 * Adds to hashes and reads them. KEYS: for each counter the present hash and the one before it. ARGV: the names of the
 * fields, then for each counter the share of the hash before, the seconds it is kept, and what is added to each field.
 */
const addScript = `
local fields = {}
for name in string.gmatch(ARGV[1], '[^ ]+') do fields[#fields + 1] = name end
local sums = {}
local at = 2
for i = 1, #KEYS, 2 do
  local share = tonumber(ARGV[at])
  local added = false
  for f = 1, #fields do
    local more = ARGV[at + 1 + f]
    if more ~= '0' then
      redis.call('HINCRBYFLOAT', KEYS[i], fields[f], more)
      added = true
    end
  end
  if added then redis.call('EXPIRE', KEYS[i], ARGV[at + 1]) end
  local now = redis.call('HMGET', KEYS[i], unpack(fields))
  local before = share > 0 and redis.call('HMGET', KEYS[i + 1], unpack(fields)) or {}
  for f = 1, #fields do
    local sum = (tonumber(now[f] or '0') or 0) + share * (tonumber(before[f] or '0') or 0)
    sums[#sums + 1] = string.format('%.9f', sum)
  end
  at = at + 2 + #fields
end
return sums`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    addUsage(keys: number, ...args: (string | number)[]): Result<string[], Context>;
  }
}

/** Where a counter stands now, what it follows on, and how much of that still counts. */
function placeOf(scope: string, { name, seconds, slides }: UsageCounter, now: number) {
  const key = `tt:{${scope}}:used:${name}`;
  if (slides !== true) return { key, before: key, share: 0, keptSeconds: seconds };
  const at = now / 1000 / seconds;
  const window = Math.floor(at);
  return {
    key: `${key}:${window}`,
    before: `${key}:${window - 1}`,
    share: 1 - (at - window),
    keptSeconds: seconds * 2,
  };
}

/** Sums in Redis, for all replicas. Rejects when Redis does. */
export function redisUsage(redis: Redis, now: () => number = Date.now): UsageStore {
  redis.defineCommand('addUsage', { lua: addScript });
  return {
    async add(scope, counters) {
      const places = counters.map((counter) => placeOf(scope, counter, now()));
      const keys = places.flatMap(({ key, before }) => [key, before]);
      const values = counters.flatMap(({ add }, index) => {
        const { share, keptSeconds } = places[index] ?? { share: 0, keptSeconds: 1 };
        return [share, keptSeconds, ...names.map((name) => (add[name] === 0 ? '0' : add[name].toFixed(9)))];
      });
      const sums = await redis.addUsage(keys.length, ...keys, names.join(' '), ...values);
      return counters.map((_counter, index) => {
        const own = { ...noAmounts };
        for (const [field, name] of names.entries()) own[name] = Number(sums[index * names.length + field]);
        return own;
      });
    },
  };
}

/** Sums of this process alone. */
export function memoryUsage(capacity = 10_000, now: () => number = Date.now): UsageStore {
  const kept = new BoundedMap<Amounts>(capacity, now);
  return {
    async add(scope, counters) {
      return counters.map((counter) => {
        const { key, before, share, keptSeconds } = placeOf(scope, counter, now());
        const present = sum(kept.get(key) ?? noAmounts, counter.add, 1);
        if (names.some((name) => counter.add[name] !== 0)) kept.set(key, present, keptSeconds);
        return share === 0 ? present : sum(present, kept.get(before) ?? noAmounts, share);
      });
    },
  };
}

function sum(one: Amounts, other: Amounts, share: number): Amounts {
  const all = { ...one };
  for (const name of names) all[name] += other[name] * share;
  return all;
}
