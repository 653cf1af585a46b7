// Prints what jest wrote of the clients as a table: `node table.mjs REPORT`. One row for each client and way of asking.
import { readFileSync } from 'node:fs';

const columns = ['answer', 'mixed', 'memory', 'hidden', 'alone'];
const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const rows = new Map();
const leftOut = new Map();
for (const { ancestorTitles, title, status } of report.testResults.flatMap((file) => file.assertionResults)) {
  const [client = '', how] = ancestorTitles;
  const [name, version, dialect] = client.split(' | ');
  if (dialect === undefined) continue; // not about a client
  const [, reason] = /^is left out: (.*)/.exec(title) ?? [];
  if (reason !== undefined) leftOut.set(name, reason);
  else {
    const key = `${client} ${how}`;
    if (!rows.has(key)) rows.set(key, { client: name, version, dialect, how });
    rows.get(key)[title.split(':')[0]] = status === 'passed' ? 'ok' : status;
  }
}

const head = ['client', 'version', 'dialect', 'how', ...columns];
const cells = [head, ...[...rows.values()].map((row) => head.map((name) => row[name] ?? '-'))];
const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at].length)));
const line = (row) => `  ${row.map((cell, at) => cell.padEnd(widths[at])).join('  ')}`.trimEnd();
console.log(`\n${cells.map(line).join('\n')}`);
for (const [name, reason] of leftOut) console.log(`  ${name}: left out, ${reason}`);
const { numPassedTests: passed, numFailedTests: failed, numRuntimeErrorTestSuites: broken } = report;
const without = leftOut.size > 0 ? `, without ${[...leftOut.keys()].join(', ')}` : '';
console.log(`\n${passed} passed, ${failed + broken} failed${without}`);
