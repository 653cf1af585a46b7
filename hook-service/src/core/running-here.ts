import type { Ran } from './call-path';

/** What this process is running now, of all generations of the config together. */
export class RunningHere {
  /** Calls, so that one which is asked for again meanwhile is joined instead of run. */
  readonly calls = new Map<string, Promise<Ran>>();
  /** Turns that hold the state of a conversation. */
  readonly turns = new Set<string>();
}
