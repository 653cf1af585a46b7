/** docs/STATUS.md: what each row comes to by what ran, and the page that says so. */
import { basename } from 'node:path';
import type { RanTest, Report, SuiteRun } from './status-reports';
import { groups, type StatusRow } from './status-rows';

export type StatusState =
  'works' | 'works in part' | 'cannot be shown here' | 'not yet' | 'not shown' | 'fails';

export interface JudgedRow {
  readonly row: StatusRow;
  readonly state: StatusState;
  /** What stands behind the state: the reason, or what failed or did not run. */
  readonly detail: string;
}

export interface Ran {
  readonly tests: ReadonlyMap<string, readonly RanTest[]>;
  readonly suites: ReadonlyMap<string, SuiteRun>;
}

/** What a row comes to. `isThere` says whether a file has a test with this piece in its name. */
export function judge(
  row: StatusRow,
  ran: Ran,
  isThere: (file: string, piece: string) => boolean,
): JudgedRow {
  const named = Object.entries(row.tests).flatMap(([file, pieces]) =>
    pieces.map((piece) => ({ file, piece })),
  );
  const judged = (state: StatusState, detail = ''): JudgedRow => ({ row, state, detail });
  if (
    row.open !== undefined &&
    (named.length === 0 || !named.every(({ file, piece }) => isThere(file, piece)))
  )
    return judged('not yet', row.open);
  const results = [
    ...named.map(({ file, piece }) => ({ what: `"${piece}"`, state: stateOf(file, piece, ran.tests) })),
    ...row.suites.map((suite) => ({
      what: `the suite ${suite}`,
      state: stateOfSuite(ran.suites.get(suite)),
    })),
  ];
  const that = (state: string): string =>
    results.flatMap((each) => (each.state === state ? each.what : [])).join(', ');
  if (that('failed') !== '') return judged('fails', `failed: ${that('failed')}`);
  if (that('missing') !== '') return judged('not shown', `did not run: ${that('missing')}`);
  if (row.cannot !== undefined) return judged('cannot be shown here', row.cannot);
  return row.part === undefined ? judged('works') : judged('works in part', row.part);
}

type Outcome = 'passed' | 'failed' | 'missing';

/** Every test that fits has to have passed, and there has to be one. */
function stateOf(file: string, piece: string, tests: Ran['tests']): Outcome {
  const fitting = (tests.get(file) ?? []).filter(({ name }) => fits(name, piece));
  if (fitting.some(({ state }) => state === 'failed')) return 'failed';
  return fitting.length > 0 && fitting.every(({ state }) => state === 'passed') ? 'passed' : 'missing';
}

function fits(name: string, piece: string): boolean {
  return piece === '*' || piece.split(' > ').every((each) => name.includes(each));
}

function stateOfSuite(run: SuiteRun | undefined): Outcome {
  if (run === undefined) return 'missing';
  return run.failed > 0 || run.passed === 0 ? 'failed' : 'passed';
}

const states: readonly StatusState[] = [
  'works',
  'works in part',
  'cannot be shown here',
  'not yet',
  'not shown',
  'fails',
];

/** How many rows are in each state, without the states that no row is in. */
export function countStates(rows: readonly JudgedRow[]): string {
  return states
    .map((state) => ({ state, count: rows.filter((row) => row.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${state} ${count}`)
    .join(', ');
}

/** The page. */
export function renderStatus(
  rows: readonly JudgedRow[],
  reports: readonly Report[],
  suites: Ran['suites'],
): string {
  return [
    '# Status',
    '',
    'What Toolturn promises, row by row, and the test that shows it. This page is written by `./scripts/verify --status` from',
    'the reports of the tests that ran, and from [status-rows.yaml](status-rows.yaml), which names the tests of each row. A row works only',
    'where every test it names has passed.',
    '',
    `**${rows.length} rows:** ${countStates(rows)}.`,
    '',
    '| state | means |',
    '| --- | --- |',
    '| works | every test named has passed |',
    '| works in part | they have passed, and the reason says what they do not show |',
    '| cannot be shown here | the reason says what the machine of the tests lacks; tests that are named have passed |',
    '| not yet | it is not built |',
    '| not shown | a test that is named did not run |',
    '| fails | a test that is named has failed |',
    '',
    '## What ran',
    '',
    '| suite | passed | failed | skipped | when (UTC) | commit |',
    '| --- | --- | --- | --- | --- | --- |',
    ...ranTable(reports, suites),
    '',
    'Skipped tests are those of parts that a suite did not install. `./scripts/test --all` runs every suite.',
    '',
    ...Object.entries(groups).flatMap(([letter, { title }]) =>
      section(
        `${letter}. ${title}`,
        rows.filter(({ row }) => row.id.startsWith(letter)),
      ),
    ),
  ].join('\n');
}

function ranTable(reports: readonly Report[], suites: Ran['suites']): string[] {
  const counted = new Map<string, { passed: number; failed: number; skipped: number; at: number }>();
  for (const report of [...reports].sort((a, b) => a.at - b.at)) {
    const all = [...report.tests.values()].flat();
    const count = (state: string): number => all.filter((test) => test.state === state).length;
    counted.set(report.suite, {
      passed: count('passed'),
      failed: count('failed'),
      skipped: count('skipped'),
      at: report.at,
    });
  }
  for (const run of suites.values()) if (!counted.has(run.suite)) counted.set(run.suite, run);
  return [...counted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([suite, { passed, failed, skipped, at }]) => {
      const run = suites.get(suite);
      // A report that was written later than the note comes from somewhere else.
      const commit = run !== undefined && run.at >= at ? run.commit : '';
      const when = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
      return `| ${suite} | ${passed} | ${failed} | ${skipped} | ${when} | ${commit} |`;
    });
}

function section(title: string, rows: readonly JudgedRow[]): string[] {
  return [
    `## ${title}`,
    '',
    `${countStates(rows)}.`,
    '',
    '| row | what | state | shown by |',
    '| --- | --- | --- | --- |',
    ...rows.map(({ row, state, detail }) => {
      const said = detail === '' ? state : `${state}: ${detail}`;
      return `| ${[row.id, row.what, said, state === 'not yet' ? '' : shownBy(row)].map(cell).join(' | ')} |`;
    }),
    '',
  ];
}

function shownBy(row: StatusRow): string {
  return [
    ...Object.entries(row.tests).map(([file, pieces]) => {
      const link = `[${basename(file).replace(/(\.test)?\.\w+$/, '')}](../${file})`;
      return pieces.includes('*') ? `${link}, all of it` : `${link}: ${pieces.join('; ')}`;
    }),
    ...row.suites.map((suite) => `\`./scripts/test ${suite}\``),
  ].join('<br>');
}

/** Text that does not end its cell; `<` of placeholders is no tag. */
const cell = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .replace(/<(?!br>)/g, '&lt;')
    .replaceAll('\n', ' ');
