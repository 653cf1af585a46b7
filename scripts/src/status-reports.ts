/** What ran: the reports that `./scripts/test` and jest leave, read into one table of tests. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isRecord, parseRecord } from './json';
import { root } from './paths';

export type TestState = 'passed' | 'failed' | 'skipped';

export interface RanTest {
  /** Titles of all blocks and of the test, with blanks between them. */
  readonly name: string;
  readonly state: TestState;
}

export interface Report {
  /** Name of the file without its ending: the suite. */
  readonly suite: string;
  /** When it ended, in milliseconds. */
  readonly at: number;
  /** By file, from the root of the checkout. */
  readonly tests: ReadonlyMap<string, readonly RanTest[]>;
}

/** A line of `suites.json`: one suite of `./scripts/test`. */
export interface SuiteRun {
  readonly suite: string;
  /** The commit it ran on; with `+` where files had been changed. */
  readonly commit: string;
  readonly at: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Where `./scripts/test` notes what ran. */
export const suitesFile = 'suites.json';

/** Every report of these folders. What is no report is passed over. */
export function readReports(dirs: readonly string[]): Report[] {
  return dirs
    .filter((dir) => existsSync(dir))
    .flatMap((dir) => readdirSync(dir).map((name) => join(dir, name)))
    .flatMap((file) => readReport(file) ?? []);
}

function readReport(file: string): Report | undefined {
  if (basename(file) === suitesFile || !/\.(json|xml)$/.test(file)) return undefined;
  const suite = basename(file).replace(/\.\w+$/, '');
  const text = readFileSync(file, 'utf8');
  return file.endsWith('.xml') ? junitReport(suite, text) : jestReport(suite, parseRecord(text));
}

/** What `jest --json` writes. */
export function jestReport(suite: string, report: Record<string, unknown> | undefined): Report | undefined {
  const files = report?.['testResults'];
  if (!Array.isArray(files)) return undefined;
  const results = files.filter(isRecord);
  const tests = results.map((file): [string, RanTest[]] => {
    const all: unknown = file['assertionResults'];
    return [
      inCheckout(String(file['name'])),
      (Array.isArray(all) ? all.filter(isRecord) : []).map((test) => ({
        name: String(test['fullName']),
        state: test['status'] === 'passed' || test['status'] === 'failed' ? test['status'] : 'skipped',
      })),
    ];
  });
  const ends = results.map((file) => Number(file['endTime'])).filter(Number.isFinite);
  return { suite, at: Math.max(0, ...ends), tests: new Map(tests) };
}

/** What `pytest --junitxml` writes. The class stands in front of the name of the test, as blocks of jest do. */
export function junitReport(suite: string, xml: string): Report | undefined {
  const at = Date.parse(/<testsuite\s[^>]*\btimestamp="([^"]+)"/.exec(xml)?.[1] ?? '');
  if (Number.isNaN(at)) return undefined;
  const tests = new Map<string, RanTest[]>();
  for (const [, tag = '', closed, body = ''] of xml.matchAll(
    /<testcase\s([^>]*?)(?:(\/)>|>([^]*?)<\/testcase>)/g,
  )) {
    const attribute = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(` ${tag}`)?.[1] ?? '';
    const parts = attribute('classname').split('.');
    const module = parts.findIndex((part) => part.startsWith('test_'));
    const file = `${parts.slice(0, module + 1).join('/')}.py`;
    const content = closed === undefined ? body : '';
    const state = /<(failure|error)\b/.test(content)
      ? 'failed'
      : /<skipped\b/.test(content)
        ? 'skipped'
        : 'passed';
    const name = [...parts.slice(module + 1), attribute('name')].join(' ');
    tests.set(file, [...(tests.get(file) ?? []), { name, state }]);
  }
  return { suite, at, tests };
}

/** The path below the root of the checkout, of this one or of another one that the report comes from. */
function inCheckout(path: string): string {
  const parts = path.split(/[\\/]/);
  const from = parts.findIndex((_, index) => existsSync(join(root, ...parts.slice(index))));
  return parts.slice(Math.max(0, from)).join('/');
}

/**
 * The tests of each file in all reports. Of two results of one test the later counts, and one that ran beats one that did
 * not. Where all tests of a file ran, what an earlier report says of the file does not count: it may name tests that
 * are gone.
 */
export function mergeReports(reports: readonly Report[]): ReadonlyMap<string, readonly RanTest[]> {
  const merged = new Map<string, Map<string, TestState>>();
  for (const report of [...reports].sort((a, b) => a.at - b.at)) {
    for (const [file, tests] of report.tests) {
      const whole = tests.length > 0 && tests.every(({ state }) => state !== 'skipped');
      const states = (whole ? undefined : merged.get(file)) ?? new Map<string, TestState>();
      // Two tests of one report may have one name: then the one that failed counts.
      for (const [name, state] of worstOf(tests)) {
        if (state !== 'skipped' || !states.has(name)) states.set(name, state);
      }
      merged.set(file, states);
    }
  }
  return new Map(
    [...merged].map(([file, states]) => [file, [...states].map(([name, state]) => ({ name, state }))]),
  );
}

function worstOf(tests: readonly RanTest[]): Map<string, TestState> {
  const worst = new Map<string, TestState>();
  for (const { name, state } of tests) {
    const before = worst.get(name);
    if (before === undefined || state === 'failed' || (before !== 'failed' && state === 'skipped'))
      worst.set(name, state);
  }
  return worst;
}

/** The last run of each suite, as `./scripts/test` noted it. */
export function readSuiteRuns(dirs: readonly string[]): ReadonlyMap<string, SuiteRun> {
  const runs = new Map<string, SuiteRun>();
  for (const file of dirs.map((dir) => join(dir, suitesFile)).filter((each) => existsSync(each))) {
    for (const [suite, run] of Object.entries(parseRecord(readFileSync(file, 'utf8')) ?? {})) {
      const before = runs.get(suite);
      if (isRecord(run) && (before === undefined || Number(run['at']) > before.at))
        runs.set(suite, { suite, ...run } as SuiteRun);
    }
  }
  return runs;
}
