/** Runs the operator's scripts against a stack of the tests. */
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/src/paths';
import type { RunningProcess } from '../../scripts/src/processes';
import { stopRun, writeRunFile } from '../../scripts/src/run-file';
import type { Stack } from './stack';

export interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs the program behind `./scripts/<name>` to its end. The variables are all it gets beside PATH and HOME. */
export function script(
  name: string,
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string; cwd?: string } = {},
): Promise<Ended> {
  const { PATH = '', HOME = '', TOOLTURN_LITELLM_VENV = '' } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--', join(root, 'scripts', 'dist', `${name}.js`), ...args],
      {
        env: { PATH, HOME, TOOLTURN_LITELLM_VENV, ...options.env },
        maxBuffer: 64 * 1024 * 1024,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, output, errors) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output, errors }),
    );
    child.stdin?.end(options.input ?? '');
  });
}

/** A stack of the tests, as `./scripts/up --detach` would have left it; `secrets` go into its env file. */
export function asDetached(
  stack: Stack,
  secrets: Record<string, string> = {},
): { runFile: string; envFile: string; end(): Promise<void> } {
  const runFile = join(stack.dir, 'run.json');
  const envFile = join(stack.dir, 'secrets.env');
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(envFile, `# of the test\n${lines.join('')}`, { mode: 0o600 });
  const config = join(stack.dir, 'config.yaml');
  const part = (name: string, { pid, startTime, logFile }: RunningProcess) => ({
    name,
    pid,
    start_time: startTime,
    log_file: logFile,
  });
  writeRunFile(runFile, {
    started_at: new Date().toISOString(),
    port: stack.litellm.port,
    urls: { litellm: stack.url, hook_service: stack.hook.url, redis: stack.redis.url },
    keys: {},
    secrets_file: envFile,
    config: { original: config, copy: config },
    processes: [part('redis', stack.redis), part('hook-service', stack.hook), part('litellm', stack.litellm)],
  });
  return {
    runFile,
    envFile,
    // A part that was started anew is no child of the test.
    end: async () => {
      if (existsSync(runFile)) await stopRun(runFile, () => undefined);
    },
  };
}
