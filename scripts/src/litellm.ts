/** Starts a real LiteLLM proxy from a venv and waits until it serves. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { operatorEnv } from './environment';
import { StartError } from './errors';
import { isRecord } from './json';
import { venvDir } from './paths';
import { freePort, startProcess, waitForHttp, type RunningProcess } from './processes';

export interface RunningLiteLLM extends RunningProcess {
  /** `http://127.0.0.1:P`, without `/v1` */
  readonly url: string;
  readonly port: number;
  /** As `/health/readiness` reports it, else as it is installed. */
  readonly version: string;
}

export interface LiteLLMOptions {
  readonly configPath: string;
  readonly port?: number;
  /** Added to our own environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absent: `TOOLTURN_LITELLM_VENV`, else `.toolturn/venv`. */
  readonly venv?: string;
  /** Relative paths in the config are looked up from here. */
  readonly cwd?: string;
  readonly logFile?: string;
  /** More arguments for the `litellm` command, for example `--num_workers 2`. */
  readonly args?: readonly string[];
}

/** Starts `litellm --config …` on loopback. Two cores under load need up to a minute, hence the long deadline. */
export async function startLiteLLM(options: LiteLLMOptions): Promise<RunningLiteLLM> {
  const venv = options.venv ?? venvDir();
  const command = join(venv, 'bin', 'litellm');
  if (!existsSync(command)) throw new StartError(`There is no LiteLLM at ${command}: run ./scripts/up once.`);
  const port = options.port ?? (await freePort());
  const server = await startProcess({
    name: 'LiteLLM',
    command,
    args: [
      '--config',
      options.configPath,
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
      ...(options.args ?? []),
    ],
    env: operatorEnv({
      // Prices from the package: start must not depend on the internet.
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      PYTHONUNBUFFERED: '1',
      ...options.env,
    }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitForHttp(`${url}/health/liveliness`, { timeoutMs: 180_000, process: server });
    return Object.assign(server, {
      url,
      port,
      version: (await reportedVersion(url)) ?? installedVersion(venv),
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function reportedVersion(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/health/readiness`, { signal: AbortSignal.timeout(10_000) });
  const body: unknown = await response.json().catch(() => undefined);
  return isRecord(body) && typeof body.litellm_version === 'string' ? body.litellm_version : undefined;
}

/** Newer versions tell theirs only to whoever has a key. */
export function installedVersion(venv: string): string {
  const lib = join(venv, 'lib');
  for (const python of readdirSync(lib)) {
    for (const name of readdirSync(join(lib, python, 'site-packages'))) {
      const version = /^litellm-(.+)\.dist-info$/.exec(name)?.[1];
      if (version !== undefined) return version;
    }
  }
  return 'unknown';
}
