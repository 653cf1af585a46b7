/** Starts hook-service as it is built, and waits until it lives. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { operatorEnv } from './environment';
import { StartError } from './errors';
import { root } from './paths';
import { freePort, startProcess, waitForHttp, type RunningProcess } from './processes';

export interface RunningHookService extends RunningProcess {
  /** `http://127.0.0.1:P`; the door reads it as `TOOLTURN_URL`. */
  readonly url: string;
  readonly port: number;
}

/**
 * V8's threads each get a heap of their own from glibc, with gaps that grow for hours; with one for all of them the
 * resident memory stays level (bench/findings.md).
 */
const usual = { TOOLTURN_HOST: '127.0.0.1', MALLOC_ARENA_MAX: '1' };

/** Starts `node hook-service/dist/main.js serve --config FILE`. `env` holds TOOLTURN_SECRET, LITELLM_URL, REDIS_URL. */
export async function startHookService(options: {
  configPath: string;
  port?: number;
  /** Added to our own environment; `undefined` takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  logFile?: string;
  /** For node itself, for example `--cpu-prof`. */
  nodeArgs?: readonly string[];
}): Promise<RunningHookService> {
  const main = join(root, 'hook-service', 'dist', 'main.js');
  if (!existsSync(main))
    throw new StartError(`hook-service is not built (${main}): run ./scripts/up or pnpm build.`);
  const port = options.port ?? (await freePort());
  const server = await startProcess({
    name: 'hook-service',
    command: process.execPath,
    args: [...(options.nodeArgs ?? []), main, 'serve', '--config', options.configPath],
    env: operatorEnv({ ...usual, ...options.env, TOOLTURN_PORT: `${port}` }),
    // It lets turns in flight finish before it ends.
    graceMs: 30_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitForHttp(`${url}/health/live`, { timeoutMs: 60_000, process: server });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return Object.assign(server, { url, port });
}
