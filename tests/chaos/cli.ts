/** `./scripts/chaos` after its bootstrap. */
import { parseArgs } from 'node:util';
import { runProgram } from '../../scripts/src/program';
import { holds, inWords } from './report';
import { runChaos } from './run';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '3.5' },
      json: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const minutes = Number(values.minutes);
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number.');
  if (!(minutes > 0 && minutes <= 60)) throw new Error('--minutes is a number above 0, 60 at most.');
  const report = await runChaos({ seed, minutes, say: (line) => void process.stderr.write(`  ${line}\n`) });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : inWords(report)}\n`);
  return holds(report) ? 0 : 1;
}

runProgram('chaos', main);
