import { safety, type SafetyRow } from './rows';
import { testNames, type NamedTest } from './test-names';

/** Tests of a row: those that name its id, and those it lists; by file. */
function testsOf(row: SafetyRow, all: readonly NamedTest[]): NamedTest[] {
  const listed = new Map(Object.entries(row.also ?? {}));
  return all.filter(
    ({ file, name, ids }) => ids.includes(row.id) || listed.get(file)?.includes(name) === true,
  );
}

/** Everything that is wrong with the checklist: rows with neither test nor reason, tests and ids that there are not. */
export function safetyProblems(all = testNames()): string[] {
  const rows = safety.flatMap((part) => part.rows);
  const known = new Set(all.map(({ file, name }) => `${file}: ${name}`));
  return [
    ...rows
      .filter((row) => row.untested === undefined && testsOf(row, all).length === 0)
      .map((row) => `${row.id} has neither a test nor a reason`),
    ...rows.flatMap((row) =>
      Object.entries(row.also ?? {})
        .flatMap(([file, names]) => names.map((name) => `${file}: ${name}`))
        .filter((name) => !known.has(name))
        .map((name) => `${row.id} names a test that there is not: ${name}`),
    ),
    ...all.flatMap(({ file, name, ids }) =>
      ids
        .filter((id) => !rows.some((row) => row.id === id))
        .map((id) => `${file}: ${name} names ${id}, which no row has`),
    ),
  ];
}

const head = `# Safety

What may go wrong or be tried, what must happen then, and the tests that show it. This page is made from the tests (\`TOOLTURN_WRITE_DOCS=1 npx jest --selectProjects integration --testPathPatterns static-safety\`);
one of them fails when a row has neither a test nor a reason, and when a test that stands here does not exist. \`…\` stands for the rows of a test's table.

Who guards what: [ARCHITECTURE.md](../ARCHITECTURE.md#failure-policy) has what fails open and what fails closed, [access.md](access.md) who may use which tool, [audit.md](audit.md) the record of every call.
`;

/** docs/SAFETY.md. */
export function renderSafety(): string {
  const all = testNames();
  const parts = safety.map(
    ({ title, rows }) => `## ${title}\n\n${rows.map((row) => renderRow(row, all)).join('\n')}`,
  );
  return `${head}\n${parts.join('\n')}`;
}

function renderRow(row: SafetyRow, all: readonly NamedTest[]): string {
  const files = new Map<string, string[]>();
  for (const { file, name } of testsOf(row, all))
    files.set(file, [...(files.get(file) ?? []), name.replace(/(?:[A-G]\d )*[A-G]\d: /g, '')]);
  const tests = [...files].flatMap(([file, names]) => [
    `- [${file}](../${file})`,
    ...[...new Set(names)].map((name) => `  - ${escaped(name)}`),
  ]);
  const untested = row.untested === undefined ? [] : ['', `Without a test: ${row.untested}`];
  return [
    `### ${row.id}: ${row.tried}`,
    '',
    `**Expected:** ${row.expected}.`,
    ...(tests.length === 0 ? [] : ['', ...tests]),
    ...untested,
    '',
  ].join('\n');
}

const escaped = (text: string): string => text.replace(/[*_<>[\]|]/g, '\\$&');
