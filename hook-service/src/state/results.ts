import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { ResultCache, ToolResult } from '../core/ports';
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
export function memoryResults(capacity = 16 * 1024 * 1024, now: () => number = Date.now): ResultCache {
  const kept = new Map<string, { readonly text: string; readonly expires: number }>();
  let held = 0;
  const drop = (key: string): void => {
    held -= kept.get(key)?.text.length ?? 0;
    kept.delete(key);
  };
  return {
    async get(scope, key) {
      const found = kept.get(keyOf(scope, key));
      if (found !== undefined && found.expires <= now()) drop(keyOf(scope, key));
      return found !== undefined && found.expires > now() ? readResult(found.text) : undefined;
    },
    async put(scope, key, result, ttlSeconds) {
      const text = JSON.stringify(result);
      if (text.length > largestResult) return;
      drop(keyOf(scope, key));
      kept.set(keyOf(scope, key), { text, expires: now() + ttlSeconds * 1000 });
      held += text.length;
      for (const oldest of kept.keys()) {
        if (held <= capacity) break;
        drop(oldest);
      }
    },
  };
}

/** Parsed anew each time, so that nobody can change what the next one gets. */
function readResult(text: string | null): ToolResult | undefined {
  const parsed = storedResult.safeParse(parseJson(text ?? ''));
  return parsed.success ? (parsed.data as unknown as ToolResult) : undefined;
}
