import { Redis } from 'ioredis';

/** A secret value that a test plants somewhere, and the sinks in which it may be found. */
export interface Canary {
  readonly value: string;
  /** Where it has to be found: a canary that goes nowhere shows nothing. */
  readonly belongs: readonly string[];
}

/** Where a value stands in the open, or only encoded. */
export function sinksWith(value: string, sinks: Readonly<Record<string, string>>): string[] {
  const bytes = Buffer.from(value);
  // The middle of base64: what stands before it in a text moves its ends.
  const forms = [value, encodeURIComponent(value), bytes.toString('hex')].concat(
    [0, 1, 2].map((shift) =>
      Buffer.concat([Buffer.alloc(shift, 0x3a), bytes])
        .toString('base64')
        .slice(4, -4),
    ),
  );
  return Object.keys(sinks).filter((name) => forms.some((form) => sinks[name]?.includes(form) === true));
}

/** Every key of a Redis with what it holds, whatever its type. */
export async function redisDump(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map((key) => valueOf(redis, key)));
    return [...keys, ...values].join('\n');
  } finally {
    redis.disconnect();
  }
}

async function valueOf(redis: Redis, key: string): Promise<string> {
  switch (await redis.type(key)) {
    case 'string':
      return (await redis.getBuffer(key))?.toString('latin1') ?? '';
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    case 'list':
      return (await redis.lrange(key, 0, -1)).join('\n');
    case 'set':
      return (await redis.smembers(key)).join('\n');
    case 'zset':
      return (await redis.zrange(key, 0, -1)).join('\n');
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    case 'none':
      return '';
    default:
      throw new Error(`no idea how to read ${key}`);
  }
}
