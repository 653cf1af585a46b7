/** `./scripts/bench` after its bootstrap. */
import { parseArgs } from 'node:util';
import { stopEverything } from '../scripts/src/processes';
import { lines } from './report';
import { runBench } from './run';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      row: { type: 'string', multiple: true, default: [] },
    },
  });
  const report = await runBench({
    rows: [...values.row, ...positionals],
    quick: values.quick,
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : lines(report.rows).join('\n')}\n`);
  return report.failed.length === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopEverything(2_000).finally(() => process.exit(130)));
}

main().then(
  (code) => process.exit(code),
  async (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    await stopEverything(2_000);
    process.exit(1);
  },
);
