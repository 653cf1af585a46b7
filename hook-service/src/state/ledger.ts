import { hash } from 'node:crypto';
import type { Redis, Result } from 'ioredis';
import { isJsonObject, type JsonObject } from '../core/json';
import type { Ledger } from '../core/ports';
import { plainSeal, type Seal } from './seal';
import { parseJson } from './stored';

/** A turn with more hidden text than this is not kept, in characters. */
const largestEntry = 4 * 1024 * 1024;

/**
 * One turn stands under several keys. Each holds the name of the one text, so that the text is stored once and
 * travels once. ARGV: the prefix of texts, then how many keys each group has.
 */
const recallScript = `
local names = {}
for first = 1, #KEYS, 1000 do
  for _, name in ipairs(redis.call('MGET', unpack(KEYS, first, math.min(first + 999, #KEYS)))) do
    names[#names + 1] = name
  end
end
local found = {}
local position = 1
for group = 2, #ARGV do
  found[group - 1] = false
  for _ = 1, tonumber(ARGV[group]) do
    local name = not found[group - 1] and names[position]
    position = position + 1
    if name then
      local text = redis.pcall('GET', ARGV[1] .. name)
      if type(text) == 'string' then found[group - 1] = text end
    end
  end
end
return found`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    recallHidden(keys: number, ...args: string[]): Result<(string | null)[], Context>;
  }
}

// The hash tag keeps everything of one caller on one node of a cluster; the script counts on it.
const prefixOf = (scope: string): string => `tt:{${scope}}:ledger:`;
const digest = (text: string): string => hash('sha256', text, 'hex').slice(0, 40);

/** The ledger in Redis: one round trip to keep a turn, one to recall a whole conversation. */
export function redisLedger(redis: Redis, seal: Seal = plainSeal): Ledger {
  redis.defineCommand('recallHidden', { lua: recallScript });
  return {
    async keep(scope, keys, value, ttlSeconds) {
      const text = JSON.stringify(value);
      if (text.length > largestEntry)
        throw new Error(`the hidden part has ${text.length} characters, ${largestEntry} may be kept`);
      const prefix = prefixOf(scope);
      const name = `text:${digest(text)}`;
      const pipeline = redis.pipeline().set(prefix + name, seal.close(prefix, text), 'EX', ttlSeconds);
      for (const key of keys) pipeline.set(prefix + digest(key), name, 'EX', ttlSeconds);
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
    },

    async recall(scope, groups) {
      const keys = groups.flat();
      if (keys.length === 0) return groups.map(() => undefined);
      const prefix = prefixOf(scope);
      const texts = await redis.recallHidden(
        keys.length,
        ...keys.map((key) => prefix + digest(key)),
        prefix,
        ...groups.map((group) => `${group.length}`),
      );
      return groups.map((_, position) => {
        const text = texts[position];
        return text ? parse(seal.open(prefix, text)) : undefined;
      });
    },
  };
}

/** What is no JSON object was not written by us, and counts as nothing. */
function parse(text: string | undefined): JsonObject | undefined {
  const value = text === undefined ? undefined : parseJson(text);
  return isJsonObject(value) ? value : undefined;
}
