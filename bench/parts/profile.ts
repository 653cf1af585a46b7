/** What a CPU profile of node says, as a short table: which functions the time went to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Entry {
  /** Function and file, `package` for what is a library's. */
  readonly where: string;
  /** Of the time in which the process worked, 0 to 1. */
  readonly share: number;
}

/** Waiting, and not work. */
const idle = new Set(['(idle)', '(root)', '(program)']);

/** The entries with the most self time; `by` says what is one entry. */
export function hottest(profile: Profile, by: 'function' | 'part', most = 15): readonly Entry[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, number>();
  let worked = 0;
  for (const [at, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || idle.has(frame.functionName)) continue;
    const part = partOf(frame.url);
    const name = frame.functionName || '(anonymous)';
    const where = by === 'part' && !name.startsWith('(garbage') ? part : `${name} ${part}`.trim();
    const time = profile.timeDeltas[at] ?? 0;
    spent.set(where, (spent.get(where) ?? 0) + time);
    worked += time;
  }
  return [...spent]
    .sort(([, one], [, other]) => other - one)
    .slice(0, most)
    .map(([where, time]) => ({ where, share: time / worked }));
}

/** The same of py-spy's `raw` format, a line for each stack with its count; `within`: all time below a frame, not its own alone. */
export function hottestStacks(text: string, within: boolean, most = 15): readonly Entry[] {
  const spent = new Map<string, number>();
  let worked = 0;
  for (const line of text.split('\n')) {
    const [, stack = '', count = '0'] = /^(.*) (\d+)$/.exec(line) ?? [];
    const frames = stack.split(';').map((frame) => frame.replace(/:\d+\)$/, ')'));
    if (stack === '') continue;
    worked += Number(count);
    for (const where of new Set(within ? frames : frames.slice(-1)))
      spent.set(where, (spent.get(where) ?? 0) + Number(count));
  }
  return [...spent]
    .sort(([, one], [, other]) => other - one)
    .slice(0, most)
    .map(([where, count]) => ({ where, share: count / worked }));
}

/** Profiles of processes that have ended, largest first; the schema thread writes one of its own. */
export function readProfiles(dir: string): readonly Profile[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .sort((one, other) => other.length - one.length)
    .map((text) => JSON.parse(text) as Profile);
}

/** `node:fs`, a package, or a file of ours. */
function partOf(url: string): string {
  const library = /node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (library !== undefined) return library;
  return /hook-service\/dist\/(.+)\.js$/.exec(url)?.[1] ?? url;
}
