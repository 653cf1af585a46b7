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

/** CPU seconds that Redis has used, and bytes that its data take. */
export async function redisUse(url: string): Promise<{ readonly cpu: number; readonly bytes: number }> {
  const redis = new Redis(url);
  try {
    const info = await redis.info();
    const of = (name: string): number =>
      Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);
    return { cpu: of('used_cpu_user') + of('used_cpu_sys'), bytes: of('used_memory') };
  } finally {
    redis.disconnect();
  }
}
