/** `./scripts/soak` after its bootstrap. */
import { parseArgs } from 'node:util';
import { runProgram } from '../../scripts/src/program';
import { holds, inWords, runSoak } from './replicas';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
    },
  });
  const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number.');
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error('--minutes is a number above 0, a day at most.');
  const report = await runSoak({ seed, minutes, say: (line) => void process.stderr.write(`${line}\n`) });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : inWords(report)}\n`);
  return holds(report) ? 0 : 1;
}

runProgram('soak', main);
