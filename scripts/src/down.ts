/** `./scripts/down`: stops exactly what `./scripts/up --detach` started from this folder. */
import { join } from 'node:path';
import { messageOf } from './errors';
import { stateDir } from './paths';
import { stopRun } from './run-file';

stopRun(join(stateDir, 'run.json'), (line) => console.log(line)).catch((error: unknown) => {
  console.error(`down: ${messageOf(error)}`);
  process.exitCode = 1;
});
