import type { Mark, Path, Problems } from './problems';
import type { Entry, Located } from './yaml-walker';

/** Plain data, as zod takes it. */
export type Plain = string | number | boolean | null | Date | Plain[] | { [key: string]: Plain };

const reference = 'os.environ/';

/**
 * Turns what was read into plain values: resolves `os.environ/NAME`, remembers where each value stands and
 * which of them came from the environment, and warns of `${NAME}`, which LiteLLM leaves as it is.
 */
export class Values {
  readonly #marks = new Map<string, Mark>();
  readonly #plainAt = new Map<string, Plain>();
  readonly #fromEnvironment = new Map<string, string>();
  readonly #secrets = new Set<string>();

  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly problems: Problems,
  ) {}

  /** The value of an entry, with everything below it. */
  take(entry: Entry, path: Path): Plain {
    this.#marks.set(pathKey(path), entry.at);
    const plain = this.#plain(entry.value, path);
    this.#plainAt.set(pathKey(path), plain);
    return plain;
  }

  /** True where something stands at `path`; a name with nothing after it counts as not there, as in LiteLLM. */
  has(path: Path): boolean {
    return (this.#plainAt.get(pathKey(path)) ?? null) !== null;
  }

  /** `path`, or as much of it as stands in the file: a missing value is reported at the map that lacks it. */
  existing(path: Path): Path {
    let length = path.length;
    while (length > 0 && !this.#marks.has(pathKey(path.slice(0, length)))) length -= 1;
    return path.slice(0, length);
  }

  /** Where the value at `path` stands, or the map that lacks it. */
  markOf(path: Path): Mark {
    return this.#marks.get(pathKey(this.existing(path))) ?? { file: '', line: 0, column: 0 };
  }

  /** The variable that the value at `path` was taken from. */
  variableOf(path: Path): string | undefined {
    return this.#fromEnvironment.get(pathKey(path));
  }

  /** Adds a value which must never be logged. */
  keepSecret(value: string): void {
    if (value !== '') this.#secrets.add(value);
  }

  /** Every value that came from the environment or was given to `keepSecret`. */
  secrets(): string[] {
    return [...this.#secrets];
  }

  #plain(located: Located, path: Path): Plain {
    switch (located.kind) {
      case 'scalar':
        return typeof located.value === 'string' ? this.#text(located.value, path) : located.value;
      case 'seq':
        return located.items.map((item, index) => {
          this.#marks.set(pathKey([...path, index]), item.at);
          return this.#plain(item, [...path, index]);
        });
      case 'map': {
        // Without a prototype, a server or model may be called `__proto__` or `constructor`.
        const plain = Object.create(null) as { [key: string]: Plain };
        for (const [key, entry] of located.entries) plain[key] = this.take(entry, [...path, key]);
        return plain;
      }
    }
  }

  #text(text: string, path: Path): string {
    if (text.startsWith(reference)) return this.#resolve(text.slice(reference.length), path);
    const at = this.markOf(path);
    const literal = /\$\{(\w+)[^}]*\}/.exec(text);
    if (literal?.[1] !== undefined) {
      const message = `"\${${literal[1]}}" is not expanded by LiteLLM nor here; write os.environ/${literal[1]}`;
      this.problems.warn(path, at, message);
    }
    if (text.includes(reference)) {
      this.problems.warn(
        path,
        at,
        `"${reference}" is replaced only where it begins the text; this stays as it is`,
      );
    }
    return text;
  }

  #resolve(name: string, path: Path): string {
    const at = this.markOf(path);
    this.#fromEnvironment.set(pathKey(path), name);
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      this.problems.error(
        path,
        at,
        `"${reference}${name}" names no environment variable; write os.environ/NAME`,
      );
      return '';
    }
    const value = Object.hasOwn(this.env, name) ? this.env[name] : undefined;
    if (value === undefined || value === '') {
      const state = value === undefined ? 'is not set' : 'is empty';
      this.problems.error(path, at, `the environment variable ${name} ${state}`);
      return '';
    }
    this.#secrets.add(value);
    return value;
  }
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** True for a map, and neither a list nor a date. */
export function isMap(value: Plain): value is { [key: string]: Plain } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A name with nothing after it means what leaving it out means, in LiteLLM as here. */
export function withoutNulls(value: Plain, depth: number): Plain {
  if (!isMap(value) || depth === 0) return value;
  const kept = Object.create(null) as { [key: string]: Plain };
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== null) kept[key] = withoutNulls(inner, depth - 1);
  }
  return kept;
}
