/** `./scripts/verify --status`: writes docs/STATUS.md from what ran. Exit code 1 where a row fails or was not shown. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readArguments } from './arguments';
import { messageOf } from './errors';
import { root, stateDir } from './paths';
import { countStates, judge, renderStatus } from './status-page';
import { mergeReports, readReports, readSuiteRuns } from './status-reports';
import { readStatusRows } from './status-rows';
import { hasTest } from './status-sources';

function main(): number {
  const { values } = readArguments('verify', () =>
    parseArgs({
      options: { status: { type: 'boolean' }, reports: { type: 'string', multiple: true } },
    }),
  );
  const dirs = (values.reports ?? [join(stateDir, 'reports')]).map((dir) => resolve(dir));
  const missing = dirs.find((dir) => !existsSync(dir));
  if (missing !== undefined)
    throw new Error(
      `There are no reports in ${missing}: run ./scripts/test first, with --all for every row.`,
    );
  const reports = readReports(dirs);
  const suites = readSuiteRuns(dirs);
  // A run against another LiteLLM says nothing about the pinned one.
  const ran = { tests: mergeReports(reports.filter(({ suite }) => suite !== 'newest-litellm')), suites };
  const rows = readStatusRows(readFileSync(join(root, 'docs', 'status-rows.yaml'), 'utf8'));
  const judged = rows.map((row) => judge(row, ran, hasTest));
  writeFileSync(join(root, 'docs', 'STATUS.md'), renderStatus(judged, reports, suites));
  for (const { row, state, detail } of judged) {
    if (state === 'fails' || state === 'not shown') console.log(`  ${row.id} ${state}: ${detail}`);
  }
  console.log(`docs/STATUS.md: ${countStates(judged)}`);
  return judged.some(({ state }) => state === 'fails' || state === 'not shown') ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`verify: ${messageOf(error)}`);
  process.exitCode = 1;
}
