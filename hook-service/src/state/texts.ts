import type { Redis } from 'ioredis';
import type { TextPiece, TextStore } from '../core/ports';

interface Kept {
  readonly text: Uint8Array;
  readonly expires: number;
}

/** Texts of this process alone, bounded by their size: the oldest go first, and one that is larger than all is refused. */
export function memoryTexts(capacityBytes = 64 * 1024 * 1024, now: () => number = Date.now): TextStore {
  const texts = new Map<string, Kept>();
  let held = 0;
  const drop = (key: string): void => {
    held -= texts.get(key)?.text.length ?? 0;
    texts.delete(key);
  };
  return {
    async keep(scope, handle, text, ttlSeconds) {
      if (text.length > capacityBytes) return false;
      const key = `${scope}:${handle}`;
      drop(key);
      // A copy: what was given may be a view of something much larger.
      texts.set(key, { text: Uint8Array.from(text), expires: now() + ttlSeconds * 1000 });
      held += text.length;
      for (const oldest of texts.keys()) {
        if (held <= capacityBytes) break;
        drop(oldest);
      }
      return true;
    },
    async read(scope, handle, offset, length) {
      const key = `${scope}:${handle}`;
      const kept = texts.get(key);
      if (kept === undefined) return undefined;
      if (kept.expires <= now()) {
        drop(key);
        return undefined;
      }
      return { bytes: kept.text.subarray(offset, offset + length), total: kept.text.length };
    },
  };
}

const keyOf = (scope: string, handle: string): string => `tt:{${scope}}:text:${handle}`;

/** Texts in Redis. A piece is read there as a piece: one round trip, however long the text is. Throws when Redis does. */
export function redisTexts(redis: Redis): TextStore {
  return {
    async keep(scope, handle, text, ttlSeconds) {
      await redis.set(keyOf(scope, handle), Buffer.from(text), 'EX', ttlSeconds);
      return true;
    },
    async read(scope, handle, offset, length): Promise<TextPiece | undefined> {
      const key = keyOf(scope, handle);
      const answers = await redis
        .pipeline()
        .strlen(key)
        .getrangeBuffer(key, offset, offset + length - 1)
        .exec();
      for (const [error] of answers ?? []) if (error) throw error;
      const [total, bytes] = (answers ?? []).map(([, value]) => value);
      // A key that is not there has the length 0, and no empty text is kept.
      if (typeof total !== 'number' || total === 0 || !Buffer.isBuffer(bytes)) return undefined;
      return { bytes, total };
    },
  };
}
