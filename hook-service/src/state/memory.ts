import type { JsonObject } from '../core/json';
import type { Ledger } from '../core/ports';

interface Entry<T> {
  readonly value: T;
  readonly expires: number;
  readonly size: number;
}

/** What a store in memory may hold, as the length of its values in JSON: it takes the place of Redis, not its size. */
export const mostCharacters = 16 * 1024 * 1024;

/** A map with expiry, bounded in entries and in what they hold together, in the unit of whoever says their sizes: the oldest go. */
export class BoundedMap<T> {
  private readonly entries = new Map<string, Entry<T>>();
  private held = 0;

  constructor(
    private readonly capacity: number,
    private readonly now: () => number = Date.now,
    private readonly mostHeld = Infinity,
  ) {}

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expires > this.now()) return entry.value;
    this.delete(key);
    return undefined;
  }

  set(key: string, value: T, ttlSeconds: number, size = 0): void {
    this.delete(key);
    const now = this.now();
    this.entries.set(key, { value, expires: now + ttlSeconds * 1000, size });
    this.held += size;
    for (const [oldest, { expires }] of this.entries) {
      const isFull = this.entries.size > this.capacity || this.held > this.mostHeld;
      if (!isFull && expires > now) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.held -= this.entries.get(key)?.size ?? 0;
    this.entries.delete(key);
  }

  /** What is there, the oldest first. */
  *[Symbol.iterator](): Generator<readonly [key: string, value: T]> {
    for (const [key, { value }] of this.entries) yield [key, value];
  }

  get size(): number {
    return this.entries.size;
  }
}

/** The length of a value in JSON. */
export const jsonLength = (value: unknown): number => JSON.stringify(value)?.length ?? 0;

/** A ledger of this process alone. */
export function memoryLedger(capacity = 500): Ledger {
  const kept = new BoundedMap<JsonObject>(capacity, Date.now, mostCharacters);
  return {
    async keep(scope, keys, value, ttlSeconds) {
      const size = jsonLength(value);
      for (const key of keys) kept.set(`${scope}:${key}`, value, ttlSeconds, size);
    },
    async recall(scope, groups) {
      const find = (key: string) => kept.get(`${scope}:${key}`);
      return groups.map((keys) => keys.map(find).find((value) => value !== undefined));
    },
  };
}
