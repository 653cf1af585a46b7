/** What is asked of Redis while something runs: MONITOR, so only for counting, never beside a measurement of time. */
import { Redis } from 'ioredis';

export interface Watched {
  /** Commands as clients sent them; those within scripts are Redis's own. */
  readonly commands: readonly (readonly string[])[];
}

/** Commands on keys of turns: claims, outcomes, ledger, counts. Heartbeats, metrics and audit go by time, not by turn. */
export const ofTurns = ([, ...rest]: readonly string[]): boolean =>
  rest.some((each) => each.startsWith('tt:{') && !each.endsWith(':alive'));

/** Watches one Redis while `work` runs. */
export async function watched(url: string, work: () => Promise<unknown>): Promise<Watched> {
  const redis = new Redis(url);
  const commands: string[][] = [];
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua') commands.push(args);
  });
  try {
    await work();
    // What was sent before this is seen before this.
    await redis.ping('end of work');
    for (let left = 200; left > 0 && !commands.some((each) => each[1] === 'end of work'); left -= 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    monitor.disconnect();
    redis.disconnect();
  }
  return { commands: commands.filter((each) => each[1] !== 'end of work') };
}

/** What stands in Redis of turns, by kind: bytes with all that Redis adds, and the longest time it has left, in seconds. */
export type Kept = Readonly<Record<string, { readonly bytes: number; readonly seconds: number }>>;

export async function keptOfTurns(url: string): Promise<Kept> {
  const redis = new Redis(url);
  const kept: Record<string, { bytes: number; seconds: number }> = {};
  try {
    for await (const keys of redis.scanStream({ match: 'tt:{*}:*', count: 500 }) as AsyncIterable<string[]>) {
      if (keys.length === 0) continue;
      const pipeline = redis.pipeline();
      for (const key of keys) pipeline.call('MEMORY', 'USAGE', key, 'SAMPLES', '0').ttl(key);
      const found = (await pipeline.exec()) ?? [];
      for (const [at, key] of keys.entries()) {
        const kind = /^tt:\{[^}]*\}:(call|turn|ledger|text|cache)/.exec(key)?.[1];
        if (kind === undefined) continue;
        const [bytes, seconds] = [Number(found[at * 2]?.[1]), Number(found[at * 2 + 1]?.[1])];
        const sum = (kept[kind] ??= { bytes: 0, seconds: 0 });
        sum.bytes += bytes;
        sum.seconds = Math.max(sum.seconds, seconds);
      }
    }
    return kept;
  } finally {
    redis.disconnect();
  }
}
