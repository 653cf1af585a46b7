/** Numbers of passed, failed and skipped tests, and where the test runners write them. */
import { existsSync, readFileSync } from 'node:fs';
import { parseRecord } from './json';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The sum over suites. */
export function addUp(all: readonly Counts[]): Counts {
  return all.reduce(
    (sum, each) => ({
      passed: sum.passed + each.passed,
      failed: sum.failed + each.failed,
      skipped: sum.skipped + each.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** `12 passed, 0 failed`, and the skipped ones where there are any. */
export function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The counts of a suite that broke as a whole: one failure beside what it did count. */
export function failedSuite(counts: Counts = { passed: 0, failed: 0, skipped: 0 }): Counts {
  return { ...counts, failed: counts.failed + 1 };
}

/** Reads what `jest --json --outputFile` wrote. A file that could not be loaded counts as one failure. */
export function jestCounts(file: string): Counts | undefined {
  const report = existsSync(file) ? parseRecord(readFileSync(file, 'utf8')) : undefined;
  if (report === undefined) return undefined;
  return {
    passed: Number(report.numPassedTests),
    failed: Number(report.numFailedTests) + Number(report.numRuntimeErrorTestSuites),
    skipped: Number(report.numPendingTests) + Number(report.numTodoTests),
  };
}

/** Reads what `pytest --junitxml` wrote. */
export function junitCounts(file: string): Counts | undefined {
  const suite = existsSync(file) ? /<testsuite\s[^>]*>/.exec(readFileSync(file, 'utf8'))?.[0] : undefined;
  if (suite === undefined) return undefined;
  const number = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = number('failures') + number('errors');
  return { passed: number('tests') - failed - number('skipped'), failed, skipped: number('skipped') };
}
