/** Where metrics go: an adapter in `state/` implements this with Redis (docs/metrics.md has the keys). */

/** A field and its value. Numbers are written without exponent by whoever makes them. */
export type FieldValue = readonly [name: string, value: string];

/** One thing to write. Every key is kept for `ttl` seconds from then on. */
export type MetricWrite =
  /** Adds to numbers of a hash; `existing`: only where the hash is there. */
  | {
      readonly do: 'add';
      readonly key: string;
      readonly ttl: number;
      readonly fields: readonly FieldValue[];
      readonly existing?: true;
    }
  | { readonly do: 'set'; readonly key: string; readonly ttl: number; readonly fields: readonly FieldValue[] }
  /** Sets what is not there yet. */
  | {
      readonly do: 'default';
      readonly key: string;
      readonly ttl: number;
      readonly fields: readonly FieldValue[];
    }
  /** An entry of a stream of about `most`; the numbers that `from` names are read from a hash at that moment. */
  | {
      readonly do: 'append';
      readonly key: string;
      readonly ttl: number;
      readonly most: number;
      readonly fields: readonly FieldValue[];
      readonly from?: { readonly key: string; readonly names: readonly string[] };
    }
  | {
      readonly do: 'names';
      readonly key: string;
      readonly ttl: number;
      readonly members: readonly string[];
    }
  | {
      readonly do: 'rank';
      readonly key: string;
      readonly ttl: number;
      readonly scores: readonly FieldValue[];
    };

/** A row of a stream of time. */
export interface MetricRow {
  readonly key: string;
  /** The bucket's start, milliseconds since 1970. */
  readonly at: number;
  readonly fields: readonly FieldValue[];
}

/** Everything rejects where the store is away, and nothing waits longer than a deadline of the adapter's. */
export interface MetricStore {
  /** True while it is worth trying. */
  readonly ready: boolean;
  /**
   * Writes all of it at once or nothing, and nothing where this replica's `number` was written before. Resolves to true
   * where this replica leads: it makes rows then, until it has not sent for 20 s.
   */
  send(batch: {
    readonly replica: string;
    readonly number: number;
    readonly writes: readonly MetricWrite[];
  }): Promise<boolean>;
  /** Hashes whole; an empty one where there is none. */
  read(keys: readonly string[]): Promise<readonly Readonly<Record<string, string>>[]>;
  /** Members of a sorted set with scores from `from` to `to`. */
  range(key: string, from: number, to: number): Promise<readonly string[]>;
  /** Removes keys, members of sorted sets, and writes rows, all at once. Tells for each row whether it came too late. */
  settle(work: {
    readonly rows: readonly MetricRow[];
    /** Rows older than this go. */
    readonly keepFrom: number;
    readonly ttl: number;
    readonly remove: readonly string[];
    readonly members: readonly { readonly key: string; readonly member: string }[];
    readonly writes: readonly MetricWrite[];
  }): Promise<readonly boolean[]>;
  close(): Promise<void>;
}
