/** Faults at random: which part, what, when and for how long follows from the seed alone. */
import { setTimeout as pause } from 'node:timers/promises';
import { between, oneOf, type Random } from '../support/random';
import type { Action, Part } from './parts';

/** A fault as it happened, on the clock of `performance.now()`. */
export interface Fault {
  readonly part: string;
  readonly action: Action;
  readonly from: number;
  /** When the part served again; absent: not yet. */
  to?: number;
}

/** Milliseconds between two faults. */
const every = [700, 2_500] as const;

/** Meets parts with faults until the signal; resolves when all of them serve again. */
export async function causeFaults(
  parts: readonly Part[],
  random: Random,
  signal: AbortSignal,
  faults: Fault[],
): Promise<void> {
  const busy = new Set<Part>();
  const begun: Promise<void>[] = [];
  while (!signal.aborted) {
    await pause(between(random, ...every), undefined, { signal }).catch(() => undefined);
    // Everything is drawn in any case, so that the order of draws is the same in every run.
    const part = oneOf(random, parts);
    const action = oneOf(random, part.actions);
    const [long, delay] = [between(random, 200, 4_000), between(random, 50, 800)];
    if (signal.aborted || busy.has(part) || !mayMeet(part, action, parts)) continue;
    const fault: Fault = { part: part.name, action, from: performance.now() };
    faults.push(fault);
    busy.add(part);
    const over = meet(part, action, long, delay).finally(() => {
      fault.to = performance.now();
      busy.delete(part);
    });
    // A part that does not come back is told at the end.
    over.catch(() => undefined);
    begun.push(over);
  }
  await Promise.all(begun);
}

/** A LiteLLM takes long to start: one of them stays, or there would be no load. */
function mayMeet(part: Part, action: Action, parts: readonly Part[]): boolean {
  const family = part.name.split(' ')[0];
  if (family !== 'litellm' || action !== 'kill') return true;
  return parts.every((each) => each.name.split(' ')[0] !== 'litellm' || each.up);
}

function meet(part: Part, action: Action, long: number, delay: number): Promise<void> {
  if (action === 'kill') return part.kill(long / 2);
  return action === 'pause' ? part.pause(long) : part.slow(delay, long);
}
