/** The figures as lines of a table, for the terminal and for BENCHMARKS.md. */
import type { Figure, Median, Reach, RowResult, Unit } from './figures';

/** A line for each figure, in columns. */
export function lines(rows: readonly RowResult[]): string[] {
  const cells = rows.flatMap((row) => row.figures.map((each) => [row.name, ...cellsOf(each)]));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => [...(line[column] ?? '')].length)),
  );
  return cells.map((line) =>
    line
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
}

function cellsOf(each: Figure): string[] {
  return [each.what, comparison(each), value(each), interval(each), reach(each), each.verdict];
}

const comparison = ({ subject, against }: Figure): string =>
  against === undefined ? subject : `${subject} to ${against}`;

export const value = ({ value: number, unit }: Figure): string => shown(number, unit);

export const interval = ({ low, high, unit }: Figure): string =>
  low === high ? '' : `${shown(low, unit, false)} to ${shown(high, unit, false)}`;

export function reach({ reach: bound, unit }: Figure): string {
  if (bound === undefined) return '';
  return bounded(bound, unit);
}

function bounded(bound: Reach, unit: Unit): string {
  return 'most' in bound ? `≤ ${shown(bound.most, unit, false)}` : `≥ ${shown(bound.least, unit, false)}`;
}

/** A median with the middle half of its samples. */
export const spanned = ({ subject, value: number, lower, upper, unit }: Median): string =>
  lower === upper
    ? `${subject} ${shown(number, unit)}`
    : `${subject} ${shown(number, unit)} (${shown(lower, unit, false)} to ${shown(upper, unit, false)})`;

function shown(number: number, unit: Unit, withUnit = true): string {
  const after: Partial<Record<Unit, string>> = {
    'per second': '/s',
    ratio: '',
    operations: '',
    'round trips': '',
  };
  const suffix = withUnit ? (after[unit] ?? ` ${unit}`) : '';
  if (unit === 'ratio') return `${number.toFixed(2)}${suffix}`;
  const size = Math.abs(number);
  return `${number.toFixed(size >= 100 || Number.isInteger(number) ? 0 : size >= 10 ? 1 : 2)}${suffix}`;
}
