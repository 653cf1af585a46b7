/** The rows of docs/STATUS.md, as docs/status-rows.yaml has them: what the system promises, and the tests that show it. */
import { parse } from 'yaml';
import { isRecord } from './json';

export interface StatusRow {
  readonly id: string;
  /** The promise, in one line. */
  readonly what: string;
  /** By file, from the root of the checkout: pieces of the names of tests. `*` stands for every test of the file. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
  /** Suites of `./scripts/test` that have to have passed as a whole, where they give no names of tests. */
  readonly suites: readonly string[];
  /** What is missing where all of this has passed: the row works in part. */
  readonly part?: string;
  /** Why no test on this machine can show it. */
  readonly cannot?: string;
  /** What is still to be built. It counts as long as a test that the row names is not there. */
  readonly open?: string;
}

/** How many rows each group has; the ids are `A1` to `A41`, and so on. */
export const groups: Readonly<Record<string, { readonly title: string; readonly rows: number }>> = {
  A: { title: 'LiteLLM and its config', rows: 41 },
  B: { title: 'MCP servers', rows: 26 },
  C: { title: 'Tool execution', rows: 33 },
  D: { title: 'Clients', rows: 11 },
  E: { title: 'Access, keys, headers', rows: 20 },
  F: { title: 'Bridges and adapters', rows: 15 },
  G: { title: 'Operations', rows: 34 },
  H: { title: 'Documentation', rows: 13 },
  I: { title: 'Goals and numbers', rows: 14 },
  J: { title: 'What is left out on purpose', rows: 14 },
};

/** Every id there has to be, in order. */
export const statusIds: readonly string[] = Object.entries(groups).flatMap(([letter, { rows }]) =>
  Array.from({ length: rows }, (_, index) => `${letter}${index + 1}`),
);

const fields = ['what', 'tests', 'suites', 'part', 'cannot', 'open'];

/** Reads the rows. Throws with the id of the first one that is not written as it has to be. */
export function readStatusRows(text: string): readonly StatusRow[] {
  const rows: unknown = parse(text);
  if (!isRecord(rows)) throw new Error('docs/status-rows.yaml: must be a map of ids to rows');
  return Object.entries(rows).map(([id, row]) => readRow(id, row));
}

function readRow(id: string, row: unknown): StatusRow {
  const wrong = (what: string): Error => new Error(`docs/status-rows.yaml: ${id} ${what}`);
  if (!isRecord(row)) throw wrong('must be a map');
  const unknown = Object.keys(row).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw wrong(`has a field ${unknown}; there are ${fields.join(', ')}`);
  const optional = (key: string): string | undefined => {
    const value = row[key];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw wrong(`: ${key} must be text`);
    return value;
  };
  const what = optional('what');
  if (what === undefined) throw wrong('says nothing about what it is');
  const tests = row['tests'] ?? {};
  if (!isRecord(tests) || !Object.values(tests).every(isTexts))
    throw wrong(': tests must be a map of files to lists of names');
  const suites: unknown = row['suites'];
  if (suites !== undefined && !isTexts(suites)) throw wrong(': suites must be a list of names');
  const [part, cannot, open] = [optional('part'), optional('cannot'), optional('open')];
  if ([part, cannot].filter((reason) => reason !== undefined).length > 1)
    throw wrong('has both part and cannot');
  if (Object.keys(tests).length === 0 && suites === undefined && cannot === undefined && open === undefined)
    throw wrong('has no test, and no reason why there is none');
  return {
    id,
    what,
    tests: tests as Record<string, readonly string[]>,
    suites: suites ?? [],
    ...(part !== undefined && { part }),
    ...(cannot !== undefined && { cannot }),
    ...(open !== undefined && { open }),
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}
