import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { mergePins, pinKey, strongerPin, type Pin, type PinStore } from '../core/pins';
import type { Log } from '../core/ports';
import { filePins, storedPin } from './pins-file';
import { parseJson } from './stored';

/** Pins belong to no caller; the hash tag keeps both keys on one node of a cluster. */
const tools = 'tt:{pins}:tools';
const version = 'tt:{pins}:version';

/** Refreshed every hour: pins go when no hook-service has run for so long. */
const ttlSeconds = 180 * 86_400;
const refreshMs = 3_600_000;

const connectWaitMs = 2_000;

/** Pins in one Redis hash, shared by all replicas. Throws when Redis does. */
export function redisPins(redis: Redis): PinStore {
  let seen: string | undefined;
  let refreshed = 0;

  async function read(): Promise<readonly Pin[]> {
    const fields = await redis.hvals(tools);
    return fields.flatMap((field) => {
      const parsed = storedPin.safeParse(parseJson(field));
      return parsed.success ? [parsed.data as Pin] : [];
    });
  }

  return {
    async load() {
      await connected(redis);
      const now = (await redis.get(version)) ?? 'none';
      if (Date.now() - refreshed > refreshMs) {
        await redis.pipeline().expire(tools, ttlSeconds).expire(version, ttlSeconds).exec();
        refreshed = Date.now();
      }
      if (now === seen) return undefined;
      const pins = await read();
      seen = now;
      return pins;
    },
    async save(pins) {
      const kept = mergePins(await read());
      const changed = pins.filter((pin) => {
        const old = kept.get(pinKey(pin));
        return (
          old === undefined ||
          (strongerPin(old, pin) === pin && old.digest !== pin.digest) ||
          isWeaker(old, pin)
        );
      });
      if (changed.length === 0) return;
      const pipeline = redis.pipeline();
      for (const pin of changed) {
        // Two replicas see a server for the first time at once: the first one to write counts.
        if (kept.has(pinKey(pin))) pipeline.hset(tools, pinKey(pin), JSON.stringify(pin));
        else pipeline.hsetnx(tools, pinKey(pin), JSON.stringify(pin));
      }
      pipeline.incr(version).expire(tools, ttlSeconds).expire(version, ttlSeconds);
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
    },
  };
}

/** At the start Redis is asked for its pins before the connection stands. */
async function connected(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') await once(redis, 'ready', { signal: AbortSignal.timeout(connectWaitMs) });
}

/** The same definition, which somebody has accepted meanwhile. */
function isWeaker(old: Pin, pin: Pin): boolean {
  return pin.accepted && !old.accepted;
}

export interface PinStoreOptions {
  /** `toolturn.pins.file`. */
  readonly file?: string;
  /** Absent where no Redis is configured. */
  readonly redis?: PinStore;
  readonly log: Log;
}

/**
 * Where pins are kept: the file, which outlives Redis and can be reviewed, and Redis, through which replicas learn
 * from each other. What one of them lacks it gets from the other. With neither they last as long as the process.
 */
export function createPinStore({ file, redis, log }: PinStoreOptions): PinStore {
  const durable = file === undefined ? undefined : filePins(file);
  if (durable === undefined) return redis ?? { load: async () => [], save: async () => undefined };
  if (redis === undefined) return durable;
  const known = { file: [] as readonly Pin[], redis: [] as readonly Pin[] };
  const shared = async <T>(what: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await what();
    } catch (error) {
      log.debug('the pins in redis cannot be used, the file is', { error });
      return undefined;
    }
  };
  return {
    async load() {
      const fromFile = await durable.load();
      const fromRedis = await shared(() => redis.load());
      if (fromFile === undefined && fromRedis === undefined) return undefined;
      known.file = fromFile ?? known.file;
      known.redis = fromRedis ?? known.redis;
      const merged = [...mergePins(known.file, known.redis).values()];
      if (differs(merged, known.file)) await durable.save(merged);
      if (differs(merged, known.redis)) await shared(() => redis.save(merged));
      return merged;
    },
    async save(pins) {
      await durable.save(pins);
      await shared(() => redis.save(pins));
    },
  };
}

function differs(merged: readonly Pin[], known: readonly Pin[]): boolean {
  const digests = new Map(known.map((pin) => [pinKey(pin), `${pin.digest}:${pin.accepted}`]));
  return merged.some((pin) => digests.get(pinKey(pin)) !== `${pin.digest}:${pin.accepted}`);
}
