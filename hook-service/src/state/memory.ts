import type { JsonObject } from '../core/json';
import type { Ledger } from '../core/ports';

interface Entry<T> {
  readonly value: T;
  readonly expires: number;
}

/** A bounded map with expiry: the oldest entry goes when it is full. */
export class BoundedMap<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(
    private readonly capacity: number,
    private readonly now: () => number = Date.now,
  ) {}

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expires > this.now()) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  set(key: string, value: T, ttlSeconds: number): void {
    this.entries.delete(key);
    this.entries.set(key, { value, expires: this.now() + ttlSeconds * 1000 });
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.capacity) break;
      this.entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  get size(): number {
    return this.entries.size;
  }
}

/** A ledger of this process alone. */
export function memoryLedger(capacity = 500): Ledger {
  const kept = new BoundedMap<JsonObject>(capacity);
  return {
    async keep(scope, keys, value, ttlSeconds) {
      for (const key of keys) kept.set(`${scope}:${key}`, value, ttlSeconds);
    },
    async recall(scope, groups) {
      const find = (key: string) => kept.get(`${scope}:${key}`);
      return groups.map((keys) => keys.map(find).find((value) => value !== undefined));
    },
  };
}
