import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addUp, failedSuite, jestCounts, junitCounts, summary } from './test-counts';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-counts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('the last line adds up all suites and names skipped tests only where there are any', () => {
  expect(summary(addUp([]))).toBe('0 passed, 0 failed');
  const all = addUp([
    { passed: 3, failed: 0, skipped: 0 },
    { passed: 1, failed: 2, skipped: 4 },
  ]);
  expect(summary(all)).toBe('4 passed, 2 failed, 4 skipped');
});

test('a test file that cannot be loaded counts as failed', () => {
  const file = join(dir, 'jest.json');
  const report = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1 };
  writeFileSync(file, JSON.stringify({ ...report, numRuntimeErrorTestSuites: 1 }));
  expect(jestCounts(file)).toEqual({ passed: 5, failed: 2, skipped: 2 });
});

test('errors in fixtures count as failed for pytest', () => {
  const file = join(dir, 'pytest.xml');
  writeFileSync(
    file,
    '<?xml version="1.0"?><testsuites name="x"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1">',
  );
  expect(junitCounts(file)).toEqual({ passed: 4, failed: 3, skipped: 3 });
});

test('a suite without a report counts as one failure', () => {
  expect(jestCounts(join(dir, 'none.json'))).toBeUndefined();
  expect(junitCounts(join(dir, 'none.xml'))).toBeUndefined();
  expect(failedSuite()).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
