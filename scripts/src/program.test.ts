import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { root } from './paths';
import { startTimeOf } from './process-table';

/** Starts two parts, and a third one when the second has ended; then it has done its work. */
const program = `
  const { runProgram } = require(${JSON.stringify(join(root, 'scripts', 'src', 'program'))});
  const { startProcess } = require(${JSON.stringify(join(root, 'scripts', 'src', 'processes'))});
  const part = async () => {
    // Not for ever, should the test fail.
    const args = ['-e', 'setTimeout(() => {}, 20_000)'];
    const started = await startProcess({ name: 'A part', command: process.execPath, args, env: {} });
    console.log(started.pid);
    return started;
  };
  runProgram('it', async () => {
    await part();
    await (await part()).exited;
    await part();
    return 0;
  });`;

test('an interrupted program ends all that it has started and what it starts meanwhile, and then itself', async () => {
  const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', program], {
    cwd: root,
    env: { ...process.env, TS_NODE_PROJECT: join(root, 'tsconfig.tests.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pids: number[] = [];
  createInterface(child.stdout).on('line', (line) => {
    pids.push(Number(line));
    if (pids.length === 2) child.kill('SIGTERM');
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(130);
  expect(pids.length).toBeGreaterThanOrEqual(2);
  expect(pids.map((pid) => startTimeOf(pid))).toEqual(pids.map(() => undefined));
});
