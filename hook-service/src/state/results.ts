import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { ResultCache, ToolResult } from '../core/ports';
import { BoundedMap, mostCharacters } from './memory';
import { plainSeal, type Seal } from './seal';
import { parseJson } from './stored';

/** A larger result is not kept: it would push others out, and Redis is not there for files. */
const largestResult = 512 * 1024;

const storedResult = z.object({ content: z.array(z.looseObject({ type: z.string() })) }).loose();

const keyOf = (scope: string, key: string): string => `tt:{${scope}}:cache:${key}`;

/** Results in Redis. Rejects when Redis does. */
export function redisResults(redis: Redis, seal: Seal = plainSeal): ResultCache {
  return {
    async get(scope, key) {
      const closed = await redis.get(keyOf(scope, key));
      return readResult(closed === null ? null : (seal.open(keyOf(scope, key), closed) ?? null));
    },
    async put(scope, key, result, ttlSeconds) {
      const text = JSON.stringify(result);
      if (text.length <= largestResult)
        await redis.set(keyOf(scope, key), seal.close(keyOf(scope, key), text), 'EX', ttlSeconds);
    },
  };
}

/** Results of this process alone, bounded by their size: the oldest go first. */
export function memoryResults(capacity = mostCharacters, now: () => number = Date.now): ResultCache {
  const kept = new BoundedMap<string>(Infinity, now, capacity);
  return {
    async get(scope, key) {
      const text = kept.get(keyOf(scope, key));
      return text === undefined ? undefined : readResult(text);
    },
    async put(scope, key, result, ttlSeconds) {
      const text = JSON.stringify(result);
      if (text.length <= largestResult) kept.set(keyOf(scope, key), text, ttlSeconds, text.length);
    },
  };
}

/** Parsed anew each time, so that nobody can change what the next one gets. */
function readResult(text: string | null): ToolResult | undefined {
  const parsed = storedResult.safeParse(parseJson(text ?? ''));
  return parsed.success ? (parsed.data as unknown as ToolResult) : undefined;
}
