/** Starts all parts of a stack in the right order and waits until each is healthy. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyConfig, masterKeyVariable, type ConfigCopy } from './config-copy';
import { StartError } from './errors';
import { startHookService, type RunningHookService } from './hook-service';
import { startLiteLLM, type RunningLiteLLM } from './litellm';
import type { UpOptions } from './options';
import { root, runDir, secretDir } from './paths';
import { portFor, requireFree } from './part-ports';
import { step } from './progress';
import type { RunningProcess } from './processes';
import { waitForParts, type Parts } from './readiness';
import { answersPing, startRedis } from './redis';
import { startDemoModel, startEverythingServer } from './sample-servers';
import type { Secrets } from './secrets';

export interface Stack {
  readonly litellm: RunningLiteLLM;
  readonly hookService: RunningHookService;
  /** What hook-service says of its parts. */
  readonly parts: Parts;
  readonly config: ConfigCopy;
  readonly logDir: string;
  /** In the order of their start. */
  readonly processes: readonly RunningProcess[];
  /** The addresses of all parts. */
  readonly urls: Readonly<Record<string, string>>;
  /** The variable that holds LiteLLM's master key, where the config names one. */
  readonly masterKeyVariable?: string;
}

/** Starts the stack. On failure throws; what was started by then is for `stopEverything()`. */
export async function startStack(
  options: UpOptions,
  secrets: Secrets,
  /** LiteLLM's environment, where it is another one than usual. */
  venv?: string,
): Promise<Stack> {
  await requireFree(options.port);
  const dir = runDir(options.port);
  const logDir = join(dir, 'logs');
  const log = (name: string): string => join(logDir, `${name}.log`);
  rmSync(logDir, { recursive: true, force: true });
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  const config = copyConfig(options.config, join(dir, 'config'));

  const { redis, redisUrl } = await provideRedis(options.port, dir, log('redis'));
  const sample = options.sample ? await startSampleServers(options.port, log) : [];
  const env = Object.fromEntries(sample.map((each) => [each.variable, each.server.url]));
  const keyVariable = masterKeyVariable(readFileSync(options.config, 'utf8'));

  const hookPort = await portFor('hookService', options.port);
  const door = { TOOLTURN_URL: `http://127.0.0.1:${hookPort}`, TOOLTURN_SECRET: secrets.TOOLTURN_SECRET };
  // Relative paths in a config count from where LiteLLM is started, so here from where `up` was called.
  const cwd = options.sample ? root : process.cwd();
  const litellmUrl = `http://127.0.0.1:${options.port}`;

  // Both at once, because LiteLLM takes most of the time and neither needs the other to start.
  const starting = [
    step('hook-service', () =>
      startHookService({
        port: hookPort,
        configPath: config.path,
        env: {
          ...env,
          TOOLTURN_SECRET: secrets.TOOLTURN_SECRET,
          LITELLM_URL: litellmUrl,
          REDIS_URL: redisUrl,
        },
        cwd,
        logFile: log('hook-service'),
      }),
    ),
    step('LiteLLM', () =>
      startLiteLLM({
        port: options.port,
        configPath: config.path,
        env: { ...env, ...door, ...masterKey(keyVariable, secrets) },
        cwd,
        logFile: log('litellm'),
        ...(venv === undefined ? {} : { venv }),
      }),
    ),
  ] as const;
  const [hookService, litellm] = await Promise.all(starting);
  const parts = await step('MCP servers', () => waitForParts(hookService));
  return {
    litellm,
    hookService,
    parts,
    config,
    logDir,
    processes: [...(redis ? [redis] : []), ...sample.map((each) => each.server), hookService, litellm],
    urls: {
      litellm: litellm.url,
      hook_service: hookService.url,
      redis: withoutPassword(redisUrl),
      ...Object.fromEntries(sample.map((each) => [each.name, each.server.url])),
    },
    ...(keyVariable === undefined ? {} : { masterKeyVariable: keyVariable }),
  };
}

async function provideRedis(
  litellmPort: number,
  dir: string,
  logFile: string,
): Promise<{ redis?: RunningProcess; redisUrl: string }> {
  const given = process.env.REDIS_URL;
  if (given) {
    if (!URL.canParse(given))
      throw new StartError('REDIS_URL is not an address such as redis://127.0.0.1:6379.');
    const { host, protocol } = new URL(given);
    // TLS is left to hook-service: a plain PING says nothing there.
    if (protocol === 'redis:' && !(await answersPing(given))) {
      throw new StartError(`The Redis of REDIS_URL (${host}) does not answer: start it, or unset REDIS_URL.`);
    }
    return { redisUrl: given };
  }
  const redis = await step('Redis', async () =>
    startRedis({ dir: join(dir, 'redis'), port: await portFor('redis', litellmPort), logFile }),
  );
  return { redis, redisUrl: redis.url };
}

/** What the sample config needs beside, and by which variable it finds it. */
async function startSampleServers(litellmPort: number, log: (name: string) => string) {
  mkdirSync(secretDir(litellmPort), { recursive: true });
  const model = await step('demo model', async () =>
    startDemoModel({ port: await portFor('demoModel', litellmPort), logFile: log('demo-model') }),
  );
  const [http, sse] = await step('sample MCP servers over HTTP and SSE', () =>
    Promise.all([
      startEverythingServer({ mode: 'streamableHttp', litellmPort, logFile: log('mcp-http') }),
      startEverythingServer({ mode: 'sse', litellmPort, logFile: log('mcp-sse') }),
    ]),
  );
  return [
    { name: 'demo_model', variable: 'DEMO_MODEL_URL', server: model },
    { name: 'mcp_everything', variable: 'MCP_EVERYTHING_HTTP_URL', server: http },
    { name: 'mcp_everything_sse', variable: 'MCP_EVERYTHING_SSE_URL', server: sse },
  ];
}

/** A key of ours is given only to a config that asks for it by this name; a value of the operator comes first. */
function masterKey(variable: string | undefined, secrets: Secrets): Record<string, string> {
  return variable === 'LITELLM_MASTER_KEY' ? { LITELLM_MASTER_KEY: secrets.LITELLM_MASTER_KEY } : {};
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href.replace(/\/$/, '');
}
