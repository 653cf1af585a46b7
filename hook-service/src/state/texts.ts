import type { Redis } from 'ioredis';
import type { TextPiece, TextStore } from '../core/ports';
import { BoundedMap } from './memory';
import { plainSeal, type Seal } from './seal';

/** Texts of this process alone, bounded by their size: the oldest go first, and one that is larger than all is refused. */
export function memoryTexts(capacityBytes = 64 * 1024 * 1024, now: () => number = Date.now): TextStore {
  const texts = new BoundedMap<Uint8Array>(Infinity, now, capacityBytes);
  return {
    async keep(scope, handle, text, ttlSeconds) {
      if (text.length > capacityBytes) return false;
      // A copy: what was given may be a view of something much larger.
      texts.set(`${scope}:${handle}`, Uint8Array.from(text), ttlSeconds, text.length);
      return true;
    },
    async read(scope, handle, offset, length) {
      const kept = texts.get(`${scope}:${handle}`);
      if (kept === undefined) return undefined;
      return { bytes: kept.subarray(offset, offset + length), total: kept.length };
    },
  };
}

const keyOf = (scope: string, handle: string): string => `tt:{${scope}}:text:${handle}`;

/** Texts in Redis. A piece is read there as a piece: one round trip, however long the text is. Throws when Redis does. */
export function redisTexts(redis: Redis, { pieces }: Seal = plainSeal): TextStore {
  return {
    async keep(scope, handle, text, ttlSeconds) {
      const key = keyOf(scope, handle);
      await redis.set(key, pieces.close(key, text), 'EX', ttlSeconds);
      return true;
    },
    async read(scope, handle, offset, length): Promise<TextPiece | undefined> {
      const key = keyOf(scope, handle);
      const range = pieces.range(offset, length);
      const answers = await redis
        .pipeline()
        .strlen(key)
        .getrangeBuffer(key, 0, pieces.headLength - 1)
        .getrangeBuffer(key, range.offset, range.offset + range.length - 1)
        .exec();
      for (const [error] of answers ?? []) if (error) throw error;
      const [closed, head, part] = (answers ?? []).map(([, value]) => value);
      // A key that is not there has the length 0, and no empty text is kept.
      if (typeof closed !== 'number' || closed === 0 || !Buffer.isBuffer(head) || !Buffer.isBuffer(part))
        return undefined;
      const bytes = pieces.open(key, head, part, offset, length);
      return bytes === undefined ? undefined : { bytes, total: pieces.total(closed) };
    },
  };
}
