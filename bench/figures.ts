/** What a row of the bench says: figures, each with its spread and, where one is set, its reach. */
import type { Interval } from './stats';

export type Unit =
  'ratio' | 'ms' | 'MB' | 'MB per 10,000 turns' | 'bytes' | 's' | 'per second' | 'round trips' | 'operations';

/** How a figure stands to its reach; `measured` where none is set. */
export type Verdict = 'reached' | 'missed' | 'too noisy' | 'measured';

export interface Figure extends Interval {
  /** What was measured, for example `p50 at 1 client`. */
  readonly what: string;
  readonly subject: string;
  /** To what it is compared; absent: it stands for itself. */
  readonly against?: string;
  readonly unit: Unit;
  readonly reach?: Reach;
  readonly verdict: Verdict;
  /** The medians that it was made of, with the span of the middle half. */
  readonly of: readonly Median[];
}

/** Most, or least, that the figure may be. */
export type Reach = { readonly most: number } | { readonly least: number };

export interface Median {
  readonly subject: string;
  readonly unit: Unit;
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** What a reader has to know to read the figures. */
  readonly notes: readonly string[];
  readonly seconds: number;
  /** The share of the machine that others used meanwhile, 0 to 1. */
  readonly others: number;
}

/** An interval wider than this share of the ratio (or of the reach, for figures that are none) cannot tell. */
export const widest = { ratio: 0.1, other: 0.5 };
/** More of the machine than this in the hands of others, and figures of the row do not count */
export const mostByOthers = 0.15;
/** ... but those that differ from their reach by more than this share of it. */
const far = 0.25;

type Draft = Omit<Figure, 'verdict'>;

/**
 * A figure with its verdict. Too noisy: the reach lies within the interval, and that is wider than `widest`. So a noisy
 * figure that is far on one side of its reach still counts.
 */
export function figure(draft: Draft): Figure {
  return { ...draft, verdict: verdictOf(draft) };
}

function verdictOf({ reach, unit, value, low, high }: Draft): Verdict {
  if (reach === undefined) return 'measured';
  const bound = 'most' in reach ? reach.most : reach.least;
  const width = (high - low) / (unit === 'ratio' ? value : Math.abs(bound));
  const isWide = !(width <= (unit === 'ratio' ? widest.ratio : widest.other));
  if (isWide && low <= bound && bound <= high) return 'too noisy';
  // Work takes no time away: what is so far below nothing was done to the other side.
  if (unit === 'ms' && 'most' in reach && value < -bound) return 'too noisy';
  // As it is printed: 1.004 is 1.00.
  const rounded = unit === 'ratio' ? Math.round(value * 100) / 100 : value;
  return ('most' in reach ? rounded <= bound : rounded >= bound) ? 'reached' : 'missed';
}

/** What others did to the machine makes a row's verdicts doubtful: all but those that are far from their reach, or counted. */
export function judged(row: RowResult): RowResult {
  if (row.others <= mostByOthers) return row;
  const figures = row.figures.map((each) =>
    isDoubtful(each) ? { ...each, verdict: 'too noisy' as const } : each,
  );
  return { ...row, figures };
}

function isDoubtful({ reach, value, low, high }: Figure): boolean {
  if (reach === undefined || low === high) return false;
  const bound = 'most' in reach ? reach.most : reach.least;
  return Math.abs(value - bound) < far * Math.abs(bound);
}
