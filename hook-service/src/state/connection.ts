import { Redis } from 'ioredis';

/** The reason that a failed connection gives: an error code such as `ECONNREFUSED`, else the error's name. */
export type Lost = (reason: string) => void;

/**
 * A connection to Redis that comes back by itself, from a tenth of a second to five seconds apart, with a quarter of
 * chance so that replicas do not come at once. A command waits `commandTimeoutMs` at most; while Redis is away it
 * rejects at once, for nothing is queued.
 */
export function connectRedis(url: string, commandTimeoutMs: number, lost: Lost): Redis {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 6), 5000) * (0.75 + Math.random() / 2),
  });
  redis.on('error', (error: Error & { code?: string }) => lost(error.code ?? error.name));
  return redis;
}

/**
 * To be called before a command. Those of the same moment go with one write and wake Redis once: where turns come without a
 * pause each write would be a switch to Redis and back.
 */
export function sendTogether({ stream }: Redis): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
