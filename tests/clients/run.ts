/** Runs one program to its end, in a process group of its own, and leaves nothing of it behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTimeOf } from '../../scripts/src/process-table';
import { stopProcesses } from '../../scripts/src/processes';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(
  [command, ...args]: readonly string[],
  options: { cwd: string; env: Record<string, string>; timeoutMs: number },
): Promise<Finished> {
  if (command === undefined) throw new Error('There is no command.');
  const { cwd, env, timeoutMs } = options;
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'exit');
  const closed = once(child, 'close');
  await once(child, 'spawn');
  const self = { pid: child.pid ?? 0, startTime: startTimeOf(child.pid ?? 0) ?? '' };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void stopProcesses([self], 2_000);
  }, timeoutMs);
  await exited;
  clearTimeout(timer);
  // What it started and did not wait for; then nobody holds its output open.
  await stopProcesses([self], 2_000);
  await closed;
  if (late) throw new Error(`${command} did not end within ${timeoutMs / 1000} s.\n${stdout}\n${stderr}`);
  return { code: child.exitCode, stdout, stderr };
}
