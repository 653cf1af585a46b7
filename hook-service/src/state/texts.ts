import type { Redis } from 'ioredis';
import type { TextPiece, TextStore } from '../core/ports';
import { plainSeal, type Seal } from './seal';

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
