import { stanceOf, type Failure, type FailureId } from '../../../hook-service/src/core/failure-policy';
import { failureTable } from '../../../hook-service/src/core/failure-table';
import { testNames } from '../safety/test-names';
import { shownBy } from './shown-by';

/** Between these lines of ARCHITECTURE.md stands what `renderFailures` makes. */
const begin = '<!-- made from hook-service/src/core/failure-table.ts -->';
const end = '<!-- end of what is made -->';

/** ARCHITECTURE.md with the table as the code has it. */
export function withFailures(document: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error('ARCHITECTURE.md has no place for the failure policy.');
  return `${document.slice(0, from + begin.length)}\n\n${renderFailures()}\n\n${document.slice(to)}`;
}

/** The failure policy as a table in markdown. */
function renderFailures(): string {
  const rows = Object.entries<Failure>(failureTable).map(([id, row]) => {
    const files = Object.keys(shownBy[id as FailureId]);
    const tests = files.map(
      (file) =>
        `[${file
          .split('/')
          .at(-1)
          ?.replace(/\.test\.ts$/, '')}](${file})`,
    );
    const cells = [row.what, stanceOf(row), row.client, row.logged, row.recovery, tests.join(', ')];
    return `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`;
  });
  return [
    '| what fails | open or closed | what the client sees | what is logged | what recovers it | shown by |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** Rows without a test, and tests that there are not. */
export function failureProblems(all = testNames()): string[] {
  const known = new Set(all.map(({ file, name }) => `${file}: ${name}`));
  return Object.entries(shownBy).flatMap(([id, byFile]) => {
    const named = Object.entries(byFile).flatMap(([file, names]) => names.map((name) => `${file}: ${name}`));
    if (named.length === 0) return [`${id} names no test`];
    return named
      .filter((name) => !known.has(name))
      .map((name) => `${id} names a test that there is not: ${name}`);
  });
}
