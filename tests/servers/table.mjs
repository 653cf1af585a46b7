// Prints what the run found of each server as a table, and jest's counts: `node table.mjs TABLE REPORT`.
import { existsSync, readFileSync } from 'node:fs';

const [table, report] = process.argv.slice(2);
const rows = existsSync(table) ? JSON.parse(readFileSync(table, 'utf8')) : [];
const head = ['server', 'version', 'transport', 'era', 'tools', 'bytes', 'turn'];
const cells = [head, ...rows.map((row) => head.map((name) => row[name]))];
const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at].length)));
const line = (row) => `  ${row.map((cell, at) => cell.padEnd(widths[at])).join('  ')}`.trimEnd();
console.log(`\n${cells.map(line).join('\n')}`);

const {
  numPassedTests: passed,
  numFailedTests: failed,
  numRuntimeErrorTestSuites: broken,
} = JSON.parse(readFileSync(report, 'utf8'));
const leftOut = rows.filter(({ turn }) => turn === 'left out').map(({ server }) => server);
console.log(
  `\n${passed} passed, ${failed + broken} failed${leftOut.length > 0 ? `, without ${leftOut.join(', ')}` : ''}`,
);
