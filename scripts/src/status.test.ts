import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths';
import { judge, renderStatus } from './status-page';
import { jestReport, junitReport, mergeReports, type Report } from './status-reports';
import { readStatusRows, statusIds, type StatusRow } from './status-rows';
import { hasTest } from './status-sources';

const file = 'scripts/src/status.test.ts';

function report(at: number, states: Readonly<Record<string, string>>): Report {
  const read = jestReport('unit', {
    testResults: [
      {
        name: join('/elsewhere/checkout', file),
        endTime: at,
        assertionResults: Object.entries(states).map(([fullName, status]) => ({ fullName, status })),
      },
    ],
  });
  if (read === undefined) throw new Error('That is no report.');
  return read;
}

function judged(row: Partial<StatusRow>, states: Readonly<Record<string, string>>, there = true): string {
  const whole: StatusRow = {
    id: 'A1',
    what: 'it works',
    tests: { [file]: ['it works'] },
    suites: [],
    ...row,
  };
  const ran = { tests: mergeReports([report(1, states)]), suites: new Map() };
  const { state, detail } = judge(whole, ran, () => there);
  return detail === '' ? state : `${state}: ${detail}`;
}

describe('a row of the status', () => {
  it('works where every test that it names has passed, in a report of another checkout too', () => {
    expect(judged({}, { 'the part it works': 'passed', 'the part it works also here': 'passed' })).toBe(
      'works',
    );
  });

  it('fails with one test that failed, whatever its reason says', () => {
    const states = { 'it works': 'passed', 'it works twice': 'failed' };
    expect(judged({}, states)).toBe('fails: failed: "it works"');
    expect(judged({ part: 'half' }, states)).toBe('fails: failed: "it works"');
    expect(judged({ cannot: 'no Docker' }, states)).toBe('fails: failed: "it works"');
  });

  it.each([
    ['is not in any report', {}],
    ['was skipped', { 'it works': 'pending' }],
    ['was skipped in one of its cases', { 'it works once': 'passed', 'it works twice': 'pending' }],
  ])('is not shown where its test %s', (_what, states) => {
    expect(judged({}, states as Record<string, string>)).toBe('not shown: did not run: "it works"');
  });

  it('says its reason where the tests have passed and do not show all of it', () => {
    expect(judged({ part: 'half of it' }, { 'it works': 'passed' })).toBe('works in part: half of it');
    expect(judged({ cannot: 'no Docker', tests: {} }, {})).toBe('cannot be shown here: no Docker');
  });

  it('is open only as long as a test that it names is not there', () => {
    const open = { open: 'to be built' };
    expect(judged(open, {}, false)).toBe('not yet: to be built');
    expect(judged({ ...open, tests: {} }, {})).toBe('not yet: to be built');
    expect(judged(open, { 'it works': 'passed' })).toBe('works');
    expect(judged(open, {})).toBe('not shown: did not run: "it works"');
  });

  it('may name a test by two pieces, and all tests of a file', () => {
    const states = { 'mcp-a it works': 'passed', 'mcp-b it works': 'failed' };
    expect(judged({ tests: { [file]: ['mcp-a > it works'] } }, states)).toBe('works');
    expect(judged({ tests: { [file]: ['*'] } }, states)).toMatch(/^fails/);
  });

  it('may need a suite as a whole', () => {
    const row: StatusRow = { id: 'A1', what: 'it', tests: {}, suites: ['conformance'] };
    const run = { suite: 'conformance', commit: 'abc', at: 1, passed: 3, failed: 0, skipped: 0 };
    const stateWith = (suites: Map<string, typeof run>) =>
      judge(row, { tests: new Map(), suites }, () => true).state;
    expect(stateWith(new Map([['conformance', run]]))).toBe('works');
    expect(stateWith(new Map([['conformance', { ...run, failed: 1 }]]))).toBe('fails');
    expect(stateWith(new Map())).toBe('not shown');
  });
});

describe('reports of several runs', () => {
  it('are one: the later result of a test counts, and one that ran beats one that did not', () => {
    const [later, earlier] = [
      report(2, { a: 'passed', b: 'pending', c: 'failed' }),
      report(1, { a: 'failed', b: 'passed', d: 'passed' }),
    ];
    const tests = mergeReports([later, earlier]).get(file) ?? [];
    expect(Object.fromEntries(tests.map(({ name, state }) => [name, state]))).toEqual({
      a: 'passed',
      b: 'passed',
      c: 'failed',
      d: 'passed',
    });
  });

  it('do not keep what a file had before, where all of it ran again', () => {
    const tests = mergeReports([report(1, { old: 'failed' }), report(2, { renamed: 'passed' })]).get(file);
    expect(tests).toEqual([{ name: 'renamed', state: 'passed' }]);
  });

  it('count two tests of one name as failed where one of them is', () => {
    const twice = jestReport('unit', {
      testResults: [
        {
          name: file,
          endTime: 1,
          assertionResults: ['failed', 'passed'].map((status) => ({ fullName: 'a', status })),
        },
      ],
    });
    expect(mergeReports(twice === undefined ? [] : [twice]).get(file)).toEqual([
      { name: 'a', state: 'failed' },
    ]);
  });

  it('may be of pytest', () => {
    const xml = `<testsuites><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" timestamp="2026-11-21T05:29:11.123456+00:00">
      <testcase classname="litellm.tests.test_door.TestAStream" name="test_of_text" time="0.1" />
      <testcase classname="litellm.tests.test_door.TestAStream" name="test_that_fails" time="0.1"><failure message="no">…</failure></testcase>
      <testcase classname="litellm.tests.test_door" name="test_skipped" time="0"><skipped /></testcase></testsuite></testsuites>`;
    expect(junitReport('pytest', xml)?.tests).toEqual(
      new Map([
        [
          'litellm/tests/test_door.py',
          [
            { name: 'TestAStream test_of_text', state: 'passed' },
            { name: 'TestAStream test_that_fails', state: 'failed' },
            { name: 'test_skipped', state: 'skipped' },
          ],
        ],
      ]),
    );
  });
});

describe('docs/status-rows.yaml', () => {
  const rows = readStatusRows(readFileSync(join(root, 'docs', 'status-rows.yaml'), 'utf8'));

  it('has every row of the system once, in order', () => {
    expect(rows.map(({ id }) => id)).toEqual(statusIds);
  });

  it('names tests that there are, but for rows that are open', () => {
    const missing = rows
      .filter(({ open }) => open === undefined)
      .flatMap(({ id, tests }) =>
        Object.entries(tests).flatMap(([path, pieces]) =>
          pieces.filter((piece) => !hasTest(path, piece)).map((piece) => `${id} ${path}: ${piece}`),
        ),
      );
    expect(missing).toEqual([]);
  });

  it.each([
    ['A1: {what: x}', /A1 has no test/],
    ['A1: {tests: {a: [b]}}', /A1 says nothing/],
    ['A1: {what: x, tests: {a: b}}', /A1 : tests must be/],
    ['A1: {what: x, cannot: y, part: z}', /A1 has both/],
    ['A1: {what: x, test: {a: [b]}}', /A1 has a field test/],
  ])('is refused as %s', (text, message) => {
    expect(() => readStatusRows(text)).toThrow(message);
  });

  it('becomes a page with each row on a line, whatever stands in it', () => {
    const row: StatusRow = { id: 'A1', what: 'a | b\nx-<alias>', tests: { [file]: ['c'] }, suites: [] };
    const page = renderStatus(
      [{ row, state: 'fails', detail: 'failed: "c"' }],
      [report(1, { c: 'failed' })],
      new Map(),
    );
    expect(page).toContain(
      '| A1 | a \\| b x-&lt;alias> | fails: failed: "c" | [status](../scripts/src/status.test.ts): c |',
    );
    expect(page).toContain('**1 rows:** fails 1.');
    expect(page).toMatch(/^\| unit \| 0 \| 1 \| 0 \| 1970-01-01 00:00 \|/m);
  });
});
