/** Runs a program to its end. */
import { spawn } from 'node:child_process';
import { StartError } from '../errors';
import { maskedLines } from './log-lines';

export interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

export interface ExecuteOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

const mostOutput = 64 * 1024 * 1024;

/** The exit code and the output of a program. Throws `StartError` where it cannot be started or does not end in time. */
export function execute(
  [command, ...args]: readonly [string, ...string[]],
  options: ExecuteOptions = {},
): Promise<Ended> {
  const { timeoutMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new StartError(`${command} did not end within ${timeoutMs / 1000} s.`));
    }, timeoutMs);
    let [output, errors] = ['', ''];
    child.stdout.on('data', (data: Buffer) => {
      if (output.length < mostOutput) output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-100_000)));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(cannotRun(command, error));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output, errors });
    });
    // A program that ends early does not read its input.
    child.stdin.on('error', () => undefined).end(options.input ?? '');
  });
}

/** The output of a program that has to end well; otherwise a `StartError` with the last line of what it said. */
export async function outputOf(
  command: readonly [string, ...string[]],
  options: ExecuteOptions = {},
): Promise<string> {
  const { code, output, errors } = await execute(command, options);
  if (code === 0) return output;
  const said = (errors.trim() || output.trim()).split('\n').at(-1)?.slice(0, 500);
  throw new StartError(
    `${command.slice(0, 4).join(' ')} failed with exit code ${code}: ${said || 'it said nothing'}`,
  );
}

/** Runs a program for the operator to read: its lines without secrets. Resolves with its exit code; Ctrl-C ends it. */
export function showMasked(
  [command, ...args]: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly known?: readonly string[]; readonly prefix?: string } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const)
      from.pipe(maskedLines(options.known, options.prefix)).pipe(to, { end: false });
    child.once('error', (error) => reject(cannotRun(command, error)));
    child.once('close', (code, signal) => resolve(signal === 'SIGINT' ? 130 : (code ?? 1)));
  });
}

export function cannotRun(command: string, error: Error): StartError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return new StartError(
    missing ? `${command} is not installed, or not on PATH.` : `${command} cannot be run: ${error.message}`,
  );
}
