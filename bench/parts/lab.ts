/** Starts what is measured: LiteLLM with the door and without, hook-service, Redis, around a provider and a tool server. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';
import { minimalEnv } from '../../scripts/src/environment';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { installedVersion, startLiteLLM, type RunningLiteLLM } from '../../scripts/src/litellm';
import { guardrailFile, stateDir, venvDir } from '../../scripts/src/paths';
import { freePort, startProcess, waitUntil } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { startLoad, type Load } from '../load/load';
import { startChild, type Child } from './child';

/** LiteLLM with the door, and all that stands behind it. */
export interface Stack {
  readonly proxy: RunningLiteLLM;
  readonly hooks: readonly RunningHookService[];
  readonly redis: RunningRedis;
}

export interface StackOptions {
  readonly workers?: number;
  readonly replicas?: number;
  readonly servers?: Record<string, object>;
}

export interface HookOptions {
  /** By default that of `/12/mcp`. */
  readonly servers?: Record<string, object>;
  readonly toolturn?: object;
  /** By default the provider stands in LiteLLM's place. */
  readonly litellmUrl?: string;
  readonly port?: number;
  readonly redis?: RunningRedis;
}

export interface LabOptions {
  /** Where CPU profiles of hook-service go; absent: none are made. */
  readonly profiles?: string;
}

/** How many tools are offered where a row does not say otherwise. */
const usualTools = 12;

export class Lab {
  readonly dir = mkdtempSync(join(tmpdir(), 'toolturn-bench-'));
  readonly key = `sk-${randomBytes(16).toString('hex')}`;
  readonly secret = randomBytes(16).toString('hex');
  private readonly stops: (() => Promise<unknown>)[] = [];
  private number = 0;
  private labs = 1;
  private usualStack: Promise<Stack> | undefined;
  private bareProxy: Promise<RunningLiteLLM> | undefined;
  private newestProxy: Promise<RunningLiteLLM> | undefined;

  private constructor(
    readonly provider: Child,
    readonly tools: Child,
    readonly load: Load,
    private readonly options: LabOptions,
    /** The same for all proxies of a lab: it decides how Python's dicts lie, which makes some percent of a request. */
    private readonly hashSeed = 1,
  ) {}

  static async start(options: LabOptions = {}): Promise<Lab> {
    const provider = await startChild('provider');
    const tools = await startChild('tool-server');
    const load = startLoad();
    const lab = new Lab(provider, tools, load, options);
    lab.stops.push(
      () => provider.stop(),
      () => tools.stop(),
      () => load.stop(),
    );
    return lab;
  }

  /** The same provider, tools and load, and processes of its own beside them. */
  another(): Lab {
    return new Lab(this.provider, this.tools, this.load, this.options, ++this.labs);
  }

  /** The MCP server that lists so many tools. */
  toolsUrl(count = usualTools): string {
    return `http://127.0.0.1:${this.tools.port}/${count}/mcp`;
  }

  /** The stack of most rows: one LiteLLM worker, one hook-service, one Redis. Started when first asked for. */
  usual(): Promise<Stack> {
    return (this.usualStack ??= this.stack());
  }

  /** The same proxy without the guardrail. */
  bare(): Promise<RunningLiteLLM> {
    return (this.bareProxy ??= this.proxy({ name: 'bare' }));
  }

  /** The newest LiteLLM, for its own MCP support; undefined where none is installed. */
  async newest(): Promise<RunningLiteLLM | undefined> {
    const venv = newestVenv();
    return venv === undefined ? undefined : (this.newestProxy ??= this.proxy({ name: 'newest', venv }));
  }

  async redis(): Promise<RunningRedis> {
    const dir = this.newDir('redis');
    return this.owned(await startRedis({ dir, logFile: join(dir, 'redis.log') }));
  }

  /** A hook-service alone; without `redis` it keeps everything in memory. Resolves when its servers are connected. */
  async hook(options: HookOptions = {}): Promise<RunningHookService> {
    const dir = this.newDir('hook');
    const configPath = this.writeConfig(dir, {
      door: false,
      ...(options.servers === undefined ? {} : { servers: options.servers }),
      toolturn: options.toolturn ?? {},
    });
    return this.startHook(configPath, options);
  }

  /** LiteLLM with the door, on replicas of hook-service behind a balancer where there are several. */
  async stack({ workers = 1, replicas = 1, servers }: StackOptions = {}): Promise<Stack> {
    const redis = await this.redis();
    const dir = this.newDir('stack');
    const configPath = this.writeConfig(dir, { door: true, ...(servers === undefined ? {} : { servers }) });
    const port = await freePort();
    const hooks: RunningHookService[] = [];
    for (let replica = 0; replica < replicas; replica += 1) {
      const litellmUrl = `http://127.0.0.1:${port}`;
      hooks.push(await this.startHook(configPath, { redis, litellmUrl }));
    }
    const doorTo = replicas === 1 ? hooks[0]?.url : await this.balanced(hooks);
    const proxy = await this.proxy({
      name: 'door',
      dir,
      configPath,
      port,
      workers,
      env: { TOOLTURN_URL: doorTo, TOOLTURN_SECRET: this.secret },
    });
    return { proxy, hooks, redis };
  }

  /** Ends these before the lab ends. */
  async stop(...parts: readonly { stop(): Promise<void> }[]): Promise<void> {
    for (const part of parts) await part.stop();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const stop of this.stops.reverse()) await stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async startHook(configPath: string, options: HookOptions): Promise<RunningHookService> {
    const hook = this.owned(
      await startHookService({
        configPath,
        ...(options.port === undefined ? {} : { port: options.port }),
        env: {
          TOOLTURN_SECRET: this.secret,
          LITELLM_URL: options.litellmUrl ?? `http://127.0.0.1:${this.provider.port}`,
          REDIS_URL: options.redis?.url,
        },
        logFile: this.logFile('hook-service'),
        ...(this.options.profiles === undefined
          ? {}
          : { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${this.options.profiles}`] }),
      }),
    );
    await waitUntil(() => isReady(hook.url), {
      timeoutMs: 60_000,
      what: `${hook.url}/health/ready`,
      process: hook,
    });
    return hook;
  }

  private async proxy(options: {
    readonly name: string;
    readonly dir?: string;
    readonly configPath?: string;
    readonly port?: number;
    readonly workers?: number;
    readonly venv?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
  }): Promise<RunningLiteLLM> {
    const { name, dir = this.newDir(name), workers = 1, venv, port, env } = options;
    const configPath = options.configPath ?? this.writeConfig(dir, { door: false });
    const proxy = this.owned(
      await startLiteLLM({
        configPath,
        cwd: dir,
        logFile: this.logFile(`litellm-${name}`),
        ...(port === undefined ? {} : { port }),
        ...(venv === undefined ? {} : { venv }),
        ...(workers === 1 ? {} : { args: ['--num_workers', `${workers}`] }),
        env: { LITELLM_MASTER_KEY: this.key, PYTHONHASHSEED: String(this.hashSeed), ...env },
      }),
    );
    if (name === 'door') await this.profile(proxy);
    return proxy;
  }

  /** Where profiles are wanted and py-spy is on the PATH: it writes when the proxy ends. */
  private async profile({ pid }: RunningLiteLLM): Promise<void> {
    const { profiles } = this.options;
    const command = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'py-spy'));
    const found = command.find((each) => existsSync(each));
    if (profiles === undefined || found === undefined) return;
    mkdirSync(profiles, { recursive: true });
    const output = join(profiles, `door-${(this.number += 1)}.raw`);
    const spy = await startProcess({
      name: 'py-spy',
      command: found,
      args: ['record', '--pid', `${pid}`, '--format', 'raw', '--output', output, '--nonblocking'],
      env: minimalEnv(),
    });
    // Last of all, when the proxy has ended.
    this.stops.unshift(() => spy.stop());
  }

  /** Not beside a config: hook-service watches that folder. */
  private logFile(name: string): string {
    return join(this.dir, `${name}-${(this.number += 1)}.log`);
  }

  private async balanced(hooks: readonly RunningHookService[]): Promise<string> {
    const child = await startChild(
      'balancer-child',
      hooks.map(({ port }) => `${port}`),
    );
    this.stops.push(() => child.stop());
    return `http://127.0.0.1:${child.port}`;
  }

  /** One config for all: only the door is in it or not. */
  private writeConfig(
    dir: string,
    { door, servers, toolturn }: { door: boolean; servers?: Record<string, object>; toolturn?: object },
  ): string {
    const guardrail = {
      guardrail: 'toolturn_guardrail.Toolturn',
      mode: ['pre_call', 'post_call'],
      default_on: true,
    };
    const config = {
      model_list: [
        {
          model_name: 'bench',
          litellm_params: {
            model: 'openai/bench',
            api_base: `http://127.0.0.1:${this.provider.port}/v1`,
            api_key: 'none',
          },
        },
      ],
      general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
      litellm_settings: { num_retries: 0, json_logs: true },
      mcp_servers: servers ?? { bench: { url: this.toolsUrl(), transport: 'http' } },
      ...(door ? { guardrails: [{ guardrail_name: 'toolturn', litellm_params: guardrail }] } : {}),
      ...(toolturn === undefined ? {} : { toolturn }),
    };
    if (door) copyFileSync(guardrailFile, join(dir, 'toolturn_guardrail.py'));
    const path = join(dir, 'config.yaml');
    writeFileSync(path, stringify(config));
    return path;
  }

  private newDir(name: string): string {
    const dir = join(this.dir, `${name}-${(this.number += 1)}`);
    mkdirSync(dir, { recursive: true });
    return dir;
  }

  private owned<T extends { stop(): Promise<void> }>(part: T): T {
    this.stops.push(() => part.stop());
    return part;
  }
}

/** Where the newest LiteLLM is installed: `TOOLTURN_BENCH_NEWEST`, else what the suite `newest-litellm` has made. */
function newestVenv(): string | undefined {
  const venv = process.env.TOOLTURN_BENCH_NEWEST || join(stateDir, 'venv-newest');
  return existsSync(join(venv, 'bin', 'litellm')) ? venv : undefined;
}

/** Versions of what is compared. */
export function versions(): { readonly litellm: string; readonly newest: string | undefined } {
  const newest = newestVenv();
  return {
    litellm: installedVersion(venvDir()),
    newest: newest === undefined ? undefined : installedVersion(newest),
  };
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
  const { parts } = (await answer.json()) as { parts: Record<string, { state: string }> };
  return Object.values(parts).every(({ state }) => state === 'ready' || state === 'disabled');
}
