import type { Level } from '../rule';

/** One step on the way of a turn, done. */
export interface LiveStep {
  /** Stable: `litellm`, `key`, `door`, `mcp:<server>` … */
  readonly id: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'noted' | 'not_checked';
  /** How grave a failure is. */
  readonly level: Level;
  /** What was asked and what came back. */
  readonly found: string;
  /** What to do; empty where nothing is. */
  readonly next: string;
}

/** What a step came to. */
export interface Outcome {
  readonly status: LiveStep['status'];
  readonly found: string;
  readonly next?: string;
}

/** A step as it is planned. */
export interface Planned {
  readonly id: string;
  readonly title: string;
  readonly level?: Level;
  /** Steps that must not have failed. */
  readonly needs?: readonly string[];
  run(): Promise<Outcome>;
}

export const passed = (found: string): Outcome => ({ status: 'passed', found });
export const noted = (found: string, next = ''): Outcome => ({ status: 'noted', found, next });
export const failed = (found: string, next: string): Outcome => ({ status: 'failed', found, next });
export const notChecked = (found: string): Outcome => ({ status: 'not_checked', found });

/** Does one step; what it needs has to have worked, and whatever goes wrong in it is its outcome. */
export async function perform(step: Planned, done: readonly LiveStep[]): Promise<LiveStep> {
  const { id, title, level = 'error', needs = [] } = step;
  const lacking = needs.find((need) => {
    const status = done.find((each) => each.id === need)?.status;
    return status === 'failed' || status === 'not_checked';
  });
  const cause = done.find((each) => each.id === lacking)?.title;
  const outcome = cause === undefined ? await step.run().catch(broken) : notChecked(`depends on "${cause}"`);
  return { id, title, level, next: '', ...outcome };
}

function broken(error: unknown): Outcome {
  const late = error instanceof Error && error.name === 'TimeoutError';
  const text = late ? 'there was no answer in time' : 'the connection failed';
  return failed(text, 'Look whether the process runs, and at the end of its log.');
}
