/** `./scripts/bench` after its bootstrap. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/src/paths';
import { runProgram } from '../scripts/src/program';
import { benchmarks } from './markdown';
import { lines } from './report';
import { rows } from './rows/all';
import { runBench, type Report } from './run';
import { withFigures } from './scale-page';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      prof: { type: 'string' },
      row: { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.list) {
    for (const { name, title } of rows) process.stdout.write(`${name.padEnd(16)} ${title}\n`);
    return 0;
  }
  const report = await runBench({
    rows: [...values.row, ...positionals],
    quick: values.quick,
    ...(values.prof === undefined ? {} : { profiles: resolve(values.prof) }),
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  if (values.write) write(report);
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : lines(report.rows).join('\n')}\n`);
  return report.failed.length === 0 ? 0 : 1;
}

/** BENCHMARKS.md, what it was made of, and the figures of docs/SCALE.md where this run has measured them. */
function write(report: Report): void {
  const findings = join(root, 'bench', 'findings.md');
  writeFileSync(
    join(root, 'BENCHMARKS.md'),
    benchmarks(report, existsSync(findings) ? readFileSync(findings, 'utf8') : ''),
  );
  writeFileSync(join(root, 'bench', 'results.json'), `${JSON.stringify(report, null, 2)}\n`);
  const scale = join(root, 'docs', 'SCALE.md');
  const page = withFigures(readFileSync(scale, 'utf8'), report);
  if (page === undefined)
    process.stderr.write('docs/SCALE.md is left as it is: it needs the rows cpu and scale.\n');
  else writeFileSync(scale, page);
}

runProgram('bench', main);
