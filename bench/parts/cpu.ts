/** CPU time and memory as Linux counts them. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { familyOf, startTimeOf } from '../../scripts/src/process-table';

/** Linux counts in hundredths of a second on every machine that Node runs on. */
const ticksPerSecond = 100;

/** Seconds of CPU that a process and its descendants have used so far; those that have ended are counted by their parents. */
export function cpuSeconds(pid: number): number {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) return 0;
  const ticks = familyOf({ pid, startTime }).map((each) => ticksOf(each.pid));
  return ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond;
}

/** Resident memory of one process, in bytes. */
export function residentBytes(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return pages * 4096;
}

/** What the whole machine, and what this program with all that it started, has used so far, in seconds. */
export interface Usage {
  readonly at: number;
  readonly all: number;
  readonly ours: number;
}

export function usage(): Usage {
  const stat = existsSync('/proc/stat') ? readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] : '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = (stat ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return {
    at: performance.now() / 1_000,
    all: (user + nice + system + irq + soft) / ticksPerSecond,
    ours: cpuSeconds(process.pid),
  };
}

/** The share of the machine that others used between two looks, 0 to 1. */
export function shareOfOthers(from: Usage, to: Usage): number {
  const theirs = to.all - from.all - (to.ours - from.ours);
  return Math.min(1, Math.max(0, theirs / ((to.at - from.at) * cpus().length)));
}

function ticksOf(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 0; // ended while we were reading
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // user, system, and the same of children that have ended
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
}
