import type { Mark } from '../config/problems';
import type { DoctorContext } from './context';
import type { Edit } from './edit';

export const levels = ['security', 'error', 'warning', 'note'] as const;

/** security: open to who should not be; error: does not work; warning: works by luck; note: good to know. */
export type Level = (typeof levels)[number];

/** One mistake at one place. */
export interface Finding {
  readonly at: Mark;
  /** What is wrong, without any secret. */
  readonly message: string;
  /** The lines that are right, in place of the one at `at`; or what to do, where that is not one line. */
  readonly change: readonly string[];
  /** Where it is not the rule's first id or its level. */
  readonly id?: string;
  readonly level?: Level;
  /** What `--fix` does; only where nothing that works can break by it. */
  readonly fix?: Fix;
}

export interface Fix {
  readonly edits?: readonly Edit[];
  /** Set the permissions of the file to this. */
  readonly mode?: number;
}

/** A kind of mistake and how it is found. */
export interface Rule {
  /** Stable; the first is the rule's own, further ones are rows that are the same mistake. */
  readonly ids: readonly [string, ...string[]];
  readonly level: Level;
  readonly title: string;
  /** One line: what happens to whom where this stays. */
  readonly why: string;
  /** True where `--fix` can put it right, in some forms at least. */
  readonly mends?: boolean;
  find(context: DoctorContext): Iterable<Finding>;
}
