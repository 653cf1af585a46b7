/**
 * Two LiteLLMs, two replicas of hook-service, Redis and three MCP servers, each in processes of its own and behind a
 * balancer, around a scripted model: everything that can be killed, paused and slowed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { minimalEnv } from '../../scripts/src/environment';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { startLiteLLM } from '../../scripts/src/litellm';
import { processTable } from '../../scripts/src/process-table';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';
import { startRedis } from '../../scripts/src/redis';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { startBalancer, type Balancer } from '../support/balancer';
import { secret, writeConfig } from '../support/stack';

/** What can be done to a part. */
export type Action = 'kill' | 'pause' | 'slow';

/** A part of the system that faults meet. */
export interface Part {
  readonly name: string;
  readonly actions: readonly Action[];
  /** SIGKILL; after so many milliseconds it is started again. Resolves when it serves again. */
  kill(downMs: number): Promise<void>;
  /** SIGSTOP, and SIGCONT after so many milliseconds. */
  pause(ms: number): Promise<void>;
  /** Each piece of data to and from it takes `delayMs` longer, for so many milliseconds. */
  slow(delayMs: number, ms: number): Promise<void>;
  /** Whether it serves, as far as this side knows. */
  readonly up: boolean;
}

export interface Parts {
  readonly dir: string;
  /** Where clients go: the balancer in front of the LiteLLMs. */
  readonly url: string;
  readonly model: ScriptedModel;
  readonly all: readonly Part[];
  /** The replicas as they run now. */
  hooks(): readonly RunningHookService[];
  readonly redisUrl: string;
  /** Lines that the tools have appended so far. */
  lines(): string[];
  /** Resolves when every replica says that each of its parts is ready. */
  recovered(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface PartsOptions {
  /** LiteLLM's `model_list` besides `demo`, for the scripted model at this address. */
  readonly models: (url: string) => readonly object[];
  readonly toolturn: object;
  readonly litellms: number;
  readonly hooks: number;
  /** More of the environment of the replicas. */
  readonly hookEnv?: Readonly<Record<string, string>>;
}

/** Starts everything; on failure nothing is left. */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-chaos-'));
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const each of [...started].reverse()) await each.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const keep = <T extends { stop(): Promise<void> }>(each: T): T => {
    started.push(each);
    return each;
  };
  try {
    return await start(options, dir, keep, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: PartsOptions,
  dir: string,
  keep: <T extends { stop(): Promise<void> }>(each: T) => T,
  stop: () => Promise<void>,
): Promise<Parts> {
  const model = keep(await startScriptedModel({ answer: () => ({ error: 'no script' }) }));
  const file = join(dir, 'appended.txt');
  const behind = async (ports: readonly number[]): Promise<Balancer> => keep(await startBalancer(ports));

  const redisPort = await freePort();
  const redisWay = await behind([redisPort]);
  const redis = await revived('redis', redisWay, 0, keep, () =>
    startRedis({
      dir: join(dir, 'redis'),
      port: redisPort,
      persist: true,
      logFile: join(dir, 'redis.log'),
    }),
  );

  const servers: Record<string, object> = {
    stdio: {
      transport: 'stdio',
      command: process.execPath,
      args: [appendServer, 'stdio', file, join(dir, 'stdio.pids')],
    },
  };
  const remotes: Part[] = [];
  for (const kind of ['http', 'sse']) {
    const port = await freePort();
    const way = await behind([port]);
    servers[kind] = { transport: kind, url: `${way.url}/${kind === 'sse' ? 'sse' : 'mcp'}` };
    const args = [appendServer, kind, file, join(dir, `${kind}.pids`), `${port}`];
    remotes.push(
      await revived(`mcp ${kind}`, way, 0, keep, () => startRemote(`mcp ${kind}`, args, port, dir)),
    );
  }

  const models = options.models(model.url);
  const hookConfig = writeConfig(join(dir, 'hook'), model.url, {
    servers,
    toolturn: options.toolturn,
    models,
  });
  // LiteLLM connects to MCP servers by itself where it knows any.
  const litellmConfig = writeConfig(join(dir, 'litellm'), model.url, { models });
  const [hookPorts, litellmPorts] = [await ports(options.hooks), await ports(options.litellms)];
  const [hookWay, litellmWay] = [await behind(hookPorts), await behind(litellmPorts)];

  const hooks: RunningHookService[] = [];
  const hookParts = await Promise.all(
    hookPorts.map((port, at) =>
      revived(`hook-service ${at + 1}`, hookWay, at, keep, async () => {
        hooks[at] = await startHookService({
          configPath: hookConfig,
          port,
          env: {
            TOOLTURN_SECRET: secret,
            LITELLM_URL: litellmWay.url,
            REDIS_URL: `redis://127.0.0.1:${redisWay.port}`,
            ...options.hookEnv,
          },
          logFile: join(dir, `hook-service-${at + 1}.log`),
        });
        return hooks[at];
      }),
    ),
  );
  const litellmParts = await Promise.all(
    litellmPorts.map((port, at) =>
      revived(`litellm ${at + 1}`, litellmWay, at, keep, () =>
        startLiteLLM({
          configPath: litellmConfig,
          port,
          env: {
            TOOLTURN_URL: hookWay.url,
            TOOLTURN_SECRET: secret,
            LITELLM_MASTER_KEY: 'sk-chaos-master',
            RECORDER_FILE: join(dir, 'logged.jsonl'),
            KEYS_FILE: join(dir, 'keys.txt'),
          },
          logFile: join(dir, `litellm-${at + 1}.log`),
        }),
      ),
    ),
  );
  return {
    dir,
    url: litellmWay.url,
    model,
    all: [redis, stdioPart(join(dir, 'stdio.pids'), hooks), ...remotes, ...hookParts, ...litellmParts],
    hooks: () => hooks,
    redisUrl: `redis://127.0.0.1:${redisPort}`,
    lines: () => linesOf(file),
    recovered: (timeoutMs) => waitUntil(() => allReady(hooks), { timeoutMs, what: 'The recovered system' }),
    stop,
  };
}

const appendServer = join(__dirname, 'append-server.mjs');

/** A process that is started again after it was killed, at the same place. */
async function revived(
  name: string,
  way: Balancer,
  target: number,
  keep: (each: { stop(): Promise<void> }) => unknown,
  start: () => Promise<RunningProcess>,
): Promise<Part> {
  let current = await start();
  let up = true;
  keep({ stop: () => current.stop() });
  return {
    name,
    actions: ['kill', 'pause', 'slow'],
    get up() {
      return up;
    },
    async kill(downMs) {
      up = false;
      process.kill(current.pid, 'SIGKILL');
      // With its children: those of hook-service end by themselves when their stdin does, and may take their time.
      await current.exited;
      await pause(downMs);
      current = await start();
      up = true;
    },
    pause: (ms) => frozen(current.pid, ms),
    async slow(delayMs, ms) {
      way.slow(target, delayMs);
      await pause(ms);
      way.slow(target, 0);
    },
  };
}

/** The stdio servers: children of the replicas, which start them again by themselves. */
function stdioPart(pidsFile: string, hooks: readonly RunningHookService[]): Part {
  const latest = (): number | undefined => {
    const noted = new Set(linesOf(pidsFile).map(Number));
    const parents = new Set(hooks.map(({ pid }) => pid));
    // A number may belong to somebody else by now, unless its parent is ours.
    return processTable().findLast(({ pid, ppid }) => noted.has(pid) && parents.has(ppid))?.pid;
  };
  return {
    name: 'mcp stdio',
    actions: ['kill', 'pause'],
    up: true,
    async kill() {
      const pid = latest();
      if (pid !== undefined) signal(pid, 'SIGKILL');
    },
    async pause(ms) {
      const pid = latest();
      if (pid !== undefined) await frozen(pid, ms);
    },
    slow: async () => undefined,
  };
}

async function frozen(pid: number, ms: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await pause(ms);
  signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended, with the replica that had started it: as good.
  }
}

async function startRemote(
  name: string,
  args: readonly string[],
  port: number,
  dir: string,
): Promise<RunningProcess> {
  const server = await startProcess({
    name,
    command: process.execPath,
    args,
    env: minimalEnv(),
    logFile: join(dir, `${name.replace(' ', '-')}.log`),
  });
  // Any answer will do: it listens.
  const listens = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${port}/nothing`, {
      method: 'DELETE',
      signal: AbortSignal.timeout(5_000),
    });
    await answer.body?.cancel();
    return true;
  };
  await waitUntil(listens, { timeoutMs: 60_000, what: name, process: server });
  return server;
}

async function allReady(hooks: readonly RunningHookService[]): Promise<boolean> {
  for (const hook of hooks) {
    const answer = await fetch(`${hook.url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    const { parts } = (await answer.json()) as { parts: Record<string, { state: string }> };
    if (!Object.values(parts).every(({ state }) => state === 'ready')) return false;
  }
  return true;
}

async function ports(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) found.push(await freePort());
  return found;
}

function linesOf(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}
