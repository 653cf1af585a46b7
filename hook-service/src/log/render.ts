import { isNativeError } from 'node:util/types';
import type { Redactor } from './redact';

const bounds = { depth: 6, items: 50, keys: 100, values: 2000, text: 4096 };

type Mode = 'write' | 'numbers';

/**
 * Turns whatever was given to the log into plain JSON data: without secrets, without cycles, of bounded size.
 * Never throws, not even for an object whose getters do.
 */
export function createRenderer(redactor: Redactor, withStack: boolean): (value: unknown) => unknown {
  return (value) => new Rendering(redactor, withStack).value(value, 'write', 0);
}

class Rendering {
  readonly #open = new Set<object>();
  #values = 0;

  constructor(
    private readonly redactor: Redactor,
    private readonly withStack: boolean,
  ) {}

  value(value: unknown, mode: Mode, depth: number): unknown {
    this.#values += 1;
    if (this.#values > bounds.values) return '[too much]';
    try {
      return this.#plain(value, mode, depth);
    } catch {
      return '[unreadable]';
    }
  }

  #plain(value: unknown, mode: Mode, depth: number): unknown {
    if (typeof value === 'number') return this.#number(value);
    if (typeof value === 'boolean' || value === null || value === undefined) return value;
    if (typeof value === 'object') return this.#object(value, mode, depth);
    if (mode === 'numbers') return this.redactor.hidden;
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'bigint') return this.#text(String(value));
    return `[${typeof value}]`;
  }

  #object(value: object, mode: Mode, depth: number): unknown {
    if (this.#open.has(value)) return '[circular]';
    if (depth >= bounds.depth) return '[too deep]';
    this.#open.add(value);
    try {
      if (isNativeError(value) || value instanceof Error) return this.#error(value, mode, depth);
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
      if (value instanceof URL) return this.value(value.href, mode, depth);
      if (value instanceof Set)
        return this.#list([...take(value, bounds.items + 1)], mode, depth, value.size);
      if (value instanceof Map || value instanceof Headers) {
        return this.#map(take(value.entries(), bounds.keys), mode, depth);
      }
      if (Array.isArray(value)) return this.#list(value.slice(0, bounds.items), mode, depth, value.length);
      const keys = Object.keys(value).slice(0, bounds.keys);
      return this.#map(
        keys.map((key) => [key, read(value, key)] as const),
        mode,
        depth,
      );
    } finally {
      this.#open.delete(value);
    }
  }

  #error(error: Error, mode: Mode, depth: number): unknown {
    const { name, message, cause } = error;
    const code = read(error, 'code');
    const errors = read(error, 'errors');
    const fields: [string, unknown][] = [
      ['name', name],
      ['message', message],
    ];
    if (typeof code === 'string' || typeof code === 'number') fields.push(['code', code]);
    if (cause !== undefined) fields.push(['cause', cause]);
    if (Array.isArray(errors)) fields.push(['errors', errors]);
    if (this.withStack) fields.push(['stack', error.stack]);
    return this.#map(fields, mode, depth);
  }

  #list(items: readonly unknown[], mode: Mode, depth: number, length: number): unknown[] {
    const rendered = items.slice(0, bounds.items).map((item) => this.value(item, mode, depth + 1));
    return length > bounds.items ? [...rendered, `[${length - bounds.items} more]`] : rendered;
  }

  #map(entries: Iterable<readonly [unknown, unknown]>, mode: Mode, depth: number): Record<string, unknown> {
    const rendered = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of entries) {
      const name = typeof key === 'string' ? key : typeof key;
      const rule = this.redactor.rule(name);
      const isHidden = rule === 'hide' && value !== undefined && value !== null;
      rendered[this.redactor.text(name, 200)] = isHidden
        ? this.redactor.hidden
        : this.value(value, rule === 'numbers' ? 'numbers' : mode, depth + 1);
    }
    return rendered;
  }

  /** A secret may be made of digits, and reach the log as a number. */
  #number(value: number): unknown {
    const text = String(value);
    if (this.redactor.text(text, text.length) !== text) return this.redactor.hidden;
    return Number.isFinite(value) ? value : text;
  }

  #text(text: string): string {
    return this.redactor.text(text, bounds.text);
  }
}

/** A getter that throws costs its own field only. */
function read(holder: object, key: string): unknown {
  try {
    return (holder as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

function* take<T>(items: Iterable<T>, most: number): Generator<T> {
  let taken = 0;
  for (const item of items) {
    if (taken >= most) return;
    taken += 1;
    yield item;
  }
}
