/** Medians and how far they can be trusted. Pure. */

/** An estimate and the interval that holds 95 % of what drawing the rounds anew gives. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The value below which `share` (0 to 1) of the numbers lie, between two of them where it falls there. NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/**
 * Bootstrap over rounds: a statistic of as many rounds as there are, drawn with replacement. Whole rounds are drawn and not
 * single samples, because samples of one moment resemble each other. The same rounds always give the same interval.
 */
export function bootstrap(
  rounds: number,
  statistic: (picked: readonly number[]) => number,
  draws = 1_000,
): Interval {
  const value = statistic(Array.from({ length: rounds }, (_, index) => index));
  const random = randomFrom(rounds);
  const drawn = Array.from({ length: draws }, () =>
    statistic(Array.from({ length: rounds }, () => Math.floor(random() * rounds))),
  );
  return { value, low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
}

export const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** Samples of one subject by round. */
export type Rounds = readonly (readonly number[])[];

/** The median of one subject by the median of another, whose rounds were run in turns with it. */
export function ratioOfMedians(of: Rounds, to: Rounds): Interval {
  return compared(of, to, (one, other) => median(one) / median(other));
}

/**
 * The median of one subject by the median of another in each round, and the median of these. A machine that is faster at one
 * time than at another is so for both within a round; medians of all rounds would fall into the gap between.
 */
export function ratioByRound(of: Rounds, to: Rounds): Interval {
  mustBeInTurns(of, to);
  const ratios = of.map((round, index) => median(round) / median(to[index] ?? []));
  return bootstrap(of.length, (picked) => median(picked.flatMap((index) => ratios[index] ?? [])));
}

/**
 * The mean of one subject by the mean of another: for rates. What falls into some blocks and not into others, a full
 * collection of Python's above all, belongs to each by its share.
 */
export function ratioOfMeans(of: Rounds, to: Rounds): Interval {
  return compared(of, to, (one, other) => mean(one) / mean(other));
}

/** How much the median of one subject lies above the median of another. */
export function differenceOfMedians(of: Rounds, to: Rounds): Interval {
  return compared(of, to, (one, other) => median(one) - median(other));
}

/** The median of one subject alone. */
export function medianOf(of: Rounds): Interval {
  return bootstrap(of.length, (picked) => median(pick(of, picked)));
}

/** The slope of the line of least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const [x, y] = [mean(points.map(([each]) => each)), mean(points.map(([, each]) => each))];
  const above = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  const below = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

function compared(
  of: Rounds,
  to: Rounds,
  compare: (one: readonly number[], other: readonly number[]) => number,
): Interval {
  mustBeInTurns(of, to);
  return bootstrap(of.length, (picked) => compare(pick(of, picked), pick(to, picked)));
}

function mustBeInTurns(of: Rounds, to: Rounds): void {
  if (of.length !== to.length)
    throw new Error(`Rounds were run in turns: ${of.length} of one and ${to.length} of the other.`);
}

function pick(rounds: Rounds, picked: readonly number[]): number[] {
  return picked.flatMap((index) => rounds[index] ?? []);
}

/** mulberry32: small, and the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
