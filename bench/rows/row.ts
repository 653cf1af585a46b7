/** What every row of the bench is, and what rows share. */
import { figure, type Figure, type Median, type Reach, type Unit } from '../figures';
import type { Sample, Subject } from '../load/job';
import type { Lab } from '../parts/lab';
import { differenceOfMedians, quantile, ratioByRound, ratioOfMeans, type Rounds } from '../stats';

export interface Row {
  readonly name: string;
  readonly title: string;
  run(context: Context): Promise<{ readonly figures: readonly Figure[]; readonly notes?: readonly string[] }>;
}

export interface Context {
  readonly lab: Lab;
  /** A number of samples, cut down where the run is a quick one. */
  readonly many: (full: number) => number;
  /** A time to measure, in seconds, cut down likewise. */
  readonly seconds: (full: number) => number;
  /** What one-off measurements of rows are kept for: the cost model. */
  readonly costs: Record<string, number>;
}

/** What rounds of subjects gave, by subject. */
export type BySubject = Readonly<Record<string, Rounds>>;

/** Requests of one client, the subjects in turns; gives a field of the samples by subject. */
export async function latencies(
  { lab, many }: Context,
  subjects: readonly Subject[],
  size: { readonly rounds: number; readonly each: number; readonly warmUp?: number },
): Promise<(field: keyof Sample) => BySubject> {
  for (const subject of subjects) await warmed({ lab }, subject, 1);
  const { samples } = await lab.load.latency({
    subjects,
    warmUp: many(size.warmUp ?? 30),
    rounds: many(size.rounds),
    each: size.each,
  });
  return (field) =>
    Object.fromEntries(
      Object.entries(samples).map(([name, rounds]) => [
        name,
        rounds.map((each) => each.map((one) => one[field])),
      ]),
    );
}

/**
 * Some requests before any is measured. What has just started may fail its first ones, above all where several workers
 * start on a busy machine; one that fails five times over fails for good.
 */
export async function warmed(
  { lab }: Pick<Context, 'lab'>,
  subject: Subject,
  clients: number,
): Promise<void> {
  for (let left = 4; ; left -= 1) {
    try {
      await lab.load.block({ subject, clients, requests: clients * 4 });
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/**
 * Requests a second of several clients: blocks of the subjects in turns, one number a block. What two are compared by needs
 * many: a full collection of Python's takes a third of a second, every few seconds.
 */
export async function rates(
  { lab, many, seconds }: Context,
  subjects: readonly Subject[],
  size: {
    readonly clients: number;
    readonly blocks: number;
    readonly seconds: number;
    /** Requests of each subject before: V8 compiles what has run often. */
    readonly warmUp?: number;
  },
): Promise<BySubject> {
  const { clients, warmUp = 0 } = size;
  const found: Record<string, number[][]> = Object.fromEntries(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) {
    await warmed({ lab }, subject, clients);
    if (warmUp > 0) await lab.load.block({ subject, clients, requests: many(warmUp) });
  }
  let turned = subjects;
  for (let block = 0; block < many(size.blocks); block += 1) {
    turned = [...turned].reverse();
    for (const subject of turned) {
      const done = await lab.load.block({ subject, clients, seconds: seconds(size.seconds) });
      found[subject.name]?.push([done.perSecond]);
    }
  }
  return found;
}

/** With how many pairs of processes each. */
export const pairs = 5;
/** And how rates are measured with one. */
const ratesOfPair = { clients: 16, blocks: 16, seconds: 2.5, warmUp: 1_000 };

/**
 * Measures what has a reach: two subjects in turns, with several pairs of processes one after the other, whose rounds come
 * together. Two processes of the same program differ by some percent for as long as they run: what lies where in memory and
 * in caches is decided once, in part by the seed of Python's hashes, which a pair has in common. `perSecond` is empty where
 * no rates are wanted.
 */
export async function withPairs(
  context: Context,
  two: (context: Context) => Promise<readonly Subject[]>,
  size: Parameters<typeof latencies>[2] & { readonly rates?: true },
): Promise<{ readonly times: (field: keyof Sample) => BySubject; readonly perSecond: BySubject }> {
  const times: ((field: keyof Sample) => BySubject)[] = [];
  const perSecond: BySubject[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const lab = pair === 0 ? context.lab : context.lab.another();
    const each = { ...context, lab };
    try {
      const subjects = await two(each);
      times.push(await latencies(each, subjects, size));
      if (size.rates === true) perSecond.push(await rates(each, subjects, ratesOfPair));
    } finally {
      if (lab !== context.lab) await lab.close();
    }
  }
  return { times: (field) => together(times.map((of) => of(field))), perSecond: together(perSecond) };
}

function together(found: readonly BySubject[]): BySubject {
  const all: Record<string, Rounds> = {};
  for (const [name, rounds] of found.flatMap((each) => Object.entries(each)))
    all[name] = [...(all[name] ?? []), ...rounds];
  return all;
}

/** A figure that compares the medians of two subjects; `into` is its unit, where that is not the one of the medians. */
const comparing =
  (compare: typeof ratioByRound, into?: Unit) =>
  (
    what: string,
    from: BySubject,
    subject: string,
    against: string,
    { unit = 'ms', reach }: { readonly unit?: Unit; readonly reach?: Reach } = {},
  ): Figure => {
    const [of, to] = [from[subject] ?? [], from[against] ?? []];
    return figure({
      what,
      subject,
      against,
      unit: into ?? unit,
      ...compare(of, to),
      of: [medianWithSpan(subject, of, unit), medianWithSpan(against, to, unit)],
      ...(reach === undefined ? {} : { reach }),
    });
  };

/** The median of one subject by that of another, round by round. */
export const ratio = comparing(ratioByRound, 'ratio');

/** The mean rate of one subject by that of another. */
export const ratioOfRates = comparing(ratioOfMeans, 'ratio');

/** How much the median of one subject lies above that of another. */
export const added = comparing(differenceOfMedians);

export function medianWithSpan(subject: string, rounds: Rounds, unit: Unit): Median {
  const all = rounds.flat();
  const [lower, value, upper] = [0.25, 0.5, 0.75].map((share) => quantile(all, share));
  return {
    subject,
    unit,
    value: value ?? Number.NaN,
    lower: lower ?? Number.NaN,
    upper: upper ?? Number.NaN,
  };
}
