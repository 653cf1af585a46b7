import type { Level } from './rule';

/** One step on the way of a turn. */
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
