/** Who runs on this machine: needed to end exactly our processes, children of children included. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** One living process. `pid` and `startTime` together never name another process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** When it started, in the system's own notation; only ever compared. */
  readonly startTime: string;
}

/** All living processes; zombies are left out, they only wait for a parent to read their exit code. */
export function processTable(): ProcessEntry[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

/** The start time of a pid, or undefined when no such process lives. */
export function startTimeOf(pid: number): string | undefined {
  return processTable().find((entry) => entry.pid === pid)?.startTime;
}

/** What names a process for good. */
export type ProcessId = Pick<ProcessEntry, 'pid' | 'startTime'>;

/**
 * The process, its descendants, and everybody in its process group, also when it has ended itself. Empty when the
 * pid belongs to another process by now.
 */
export function familyOf(leader: ProcessId, table = processTable()): ProcessEntry[] {
  const holder = table.find((entry) => entry.pid === leader.pid);
  if (holder !== undefined && holder.startTime !== leader.startTime) return [];
  const family = new Set([leader.pid]);
  // Repeated because a table is not ordered by descent: a pid may be smaller than its parent's.
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const entry of table) {
      if (family.has(entry.ppid) || entry.pgid === leader.pid) family.add(entry.pid);
    }
  }
  return table.filter((entry) => family.has(entry.pid));
}

/** Those of the processes that still live, a reused pid not counted. */
export function stillAlive<T extends ProcessId>(processes: readonly T[], table = processTable()): T[] {
  const now = new Map(table.map((entry) => [entry.pid, entry.startTime]));
  return processes.filter((entry) => now.get(entry.pid) === entry.startTime);
}

function fromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      continue; // ended while we were reading
    }
    // The command stands in parentheses and may hold spaces and parentheses itself: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ppid, pgid] = fields;
    if (state === 'Z' || state === 'X') continue;
    entries.push({ pid: Number(name), ppid: Number(ppid), pgid: Number(pgid), startTime: fields[19] ?? '' });
  }
  return entries;
}

function fromPs(): ProcessEntry[] {
  const listing = execFileSync('ps', ['-axo', 'pid=,ppid=,pgid=,stat=,lstart='], { encoding: 'utf8' });
  return listing
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , , state]) => pid && !state?.startsWith('Z'))
    .map(([pid, ppid, pgid, , ...started]) => ({
      pid: Number(pid),
      ppid: Number(ppid),
      pgid: Number(pgid),
      startTime: started.join(' '),
    }));
}
