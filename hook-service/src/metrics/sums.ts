import { classOf, type Classes } from './durations';

/** Counters of one series, by field. A duration is counted in a field for its class: `h7`, `llm_h12`. */
export type Fields = Map<string, number>;

/** No amount of anything here is larger; a sum of many stays exact and finite. */
const most = 1e12;

/** Counters by series: `all`, `tool:<name>`, `server:<name>`, `key:<name>`, `model:<name>`. */
export class Sums {
  readonly series = new Map<string, Fields>();

  /** Counters only grow: what is no positive number, or more than anybody can have, changes nothing. */
  add(series: string, field: string, amount = 1): void {
    if (!(amount > 0 && amount <= most)) return;
    const fields = this.of(series);
    fields.set(field, (fields.get(field) ?? 0) + amount);
  }

  get(series: string, field: string): number {
    return this.series.get(series)?.get(field) ?? 0;
  }

  /** Names of the series of one kind. */
  names(kind: string): readonly string[] {
    const prefix = `${kind}:`;
    return [...this.series.keys()].flatMap((each) =>
      each.startsWith(prefix) ? each.slice(prefix.length) : [],
    );
  }

  private of(series: string): Fields {
    const known = this.series.get(series);
    if (known !== undefined) return known;
    const made: Fields = new Map();
    this.series.set(series, made);
    return made;
  }
}

/** Counts the same in several sums at once. */
export class Tally {
  constructor(private readonly into: readonly Sums[]) {}

  add(series: string, field: string, amount = 1): void {
    for (const sums of this.into) sums.add(series, field, amount);
  }

  /** Several counters of one series. */
  addAll(series: string, amounts: Readonly<Record<string, number>>): void {
    for (const field in amounts) this.add(series, field, amounts[field]);
  }

  /** Counts a duration in milliseconds. */
  time(series: string, prefix: string, ms: number): void {
    if (ms >= 0) this.add(series, `${prefix}h${classOf(ms)}`);
  }
}

/** The durations counted under a prefix. */
export function classesOf(fields: Fields | undefined, prefix: string): Classes {
  const start = `${prefix}h`;
  const classes = new Map<number, number>();
  for (const [field, count] of fields ?? []) {
    const index = field.startsWith(start) ? field.slice(start.length) : '';
    if (/^\d{1,2}$/.test(index)) classes.set(Number(index), count);
  }
  return classes;
}
