import { oneLine } from './table';

/** One line of a waterfall; times in milliseconds since the turn began. */
export interface Step {
  /** What stands before the bar. */
  readonly name: string;
  readonly from: number;
  readonly ms: number;
  /** How much of `ms`, at its beginning, was spent waiting. */
  readonly waited: number;
  readonly kind: 'round' | 'call';
  readonly failed: boolean;
  /** What stands behind the bar. */
  readonly note: string;
}

/** Columns of the bars; the rest of a line of a hundred is for words. */
const columns = 40;
const widestName = 34;

/**
 * Rounds and calls over time, for a terminal of any font: `#` the model writes, `=` a call runs, `.` it waits, `x` it
 * failed.
 */
export function waterfallText(steps: readonly Step[], totalMs: number): string {
  const total = Math.max(totalMs, 1, ...steps.map(({ from, ms }) => from + ms));
  const column = (ms: number): number => Math.min(columns, Math.round((ms / total) * columns));
  const nameOf = ({ name, kind }: Step): string => `${kind === 'call' ? '  ' : ''}${oneLine(name)}`;
  const width = Math.min(widestName, Math.max(...steps.map((step) => nameOf(step).length), 0));
  const lines = steps.map((step) => {
    const from = Math.min(column(step.from), columns - 1);
    const length = Math.max(1, column(step.from + step.ms) - from);
    // What is shorter than a column is not worth one of its own.
    const waited = Math.min(length - 1, Math.max(0, column(step.from + step.waited) - from));
    const mark = step.kind === 'round' ? '#' : step.failed ? 'x' : '=';
    const bar = ' '.repeat(from) + '.'.repeat(waited) + mark.repeat(length - waited);
    const name = nameOf(step).slice(0, width).padEnd(width);
    return `${name} |${bar.padEnd(columns)}| ${`${step.ms} ms`.padStart(9)}  ${oneLine(step.note)}`.trimEnd();
  });
  return lines.join('\n');
}
