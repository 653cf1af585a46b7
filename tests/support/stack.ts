import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { stringify } from 'yaml';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { startLiteLLM, type RunningLiteLLM } from '../../scripts/src/litellm';
import { freePort } from '../../scripts/src/processes';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';

const root = join(__dirname, '..', '..');

/** The secret between the door and hook-service in tests. */
export const secret = 'integration-test-secret';

/** What LiteLLM logged of one request (tests/support/litellm/recorder.py). */
export interface LoggedRequest {
  readonly status: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly response_cost: number;
  readonly key_alias: string | null;
  /** True where the door had told hook-service the model's answer by then, while LiteLLM was still at work. */
  readonly told_early: boolean;
}

/** A whole stack of real parts around a scripted model. */
export interface Stack {
  readonly dir: string;
  readonly url: string;
  readonly model: ScriptedModel;
  readonly litellm: RunningLiteLLM;
  readonly redis: RunningRedis;
  hook: RunningHookService;
  /** The openai SDK under the key `sk-test-<alias>`; nothing is repeated by itself. */
  client(alias?: string): OpenAI;
  startHook(env?: Record<string, string | undefined>): Promise<RunningHookService>;
  /** Every request LiteLLM has logged so far. */
  logged(): LoggedRequest[];
  /** Every key LiteLLM was shown so far, oldest first. */
  keys(): string[];
  stop(): Promise<void>;
}

export interface StackOptions {
  /** LiteLLM's `mcp_servers`. */
  readonly servers?: Record<string, object>;
  /** The `toolturn:` section. */
  readonly toolturn?: object;
  readonly env?: Record<string, string>;
  /** Where hook-service listens, for a config that names it. */
  readonly hookPort?: number;
  readonly litellmArgs?: readonly string[];
  /** More of LiteLLM's `general_settings`; `custom_auth: undefined` leaves the master key alone. */
  readonly general?: object;
  /** More entries of LiteLLM's `model_list`, behind `demo`. */
  readonly models?: readonly object[];
  /** Guardrails that are listed before the door. */
  readonly guardrailsBefore?: readonly object[];
  /** More of LiteLLM's `litellm_settings`, and its `router_settings`. */
  readonly litellm?: object;
  readonly router?: object;
}

/** Starts Redis, hook-service and LiteLLM around a scripted model; all on free ports, all in a folder of their own. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-stack-'));
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.reverse()) await part.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const model = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
    started.push(model);
    const redis = await startRedis({ dir: join(dir, 'redis'), logFile: join(dir, 'redis.log') });
    started.push(redis);
    const [litellmPort, hookPort] = [await freePort(), options.hookPort ?? (await freePort())];
    const configPath = writeConfig(dir, model.url, options);
    // Newer versions refuse to start without one, even beside custom_auth.
    const masterKey = { LITELLM_MASTER_KEY: `sk-${randomBytes(24).toString('hex')}` };
    const files = { RECORDER_FILE: join(dir, 'logged.jsonl'), KEYS_FILE: join(dir, 'keys.txt') };
    const litellmUrl = `http://127.0.0.1:${litellmPort}`;
    const startHook = (env: Record<string, string | undefined> = {}) =>
      startHookService({
        configPath,
        port: hookPort,
        env: {
          TOOLTURN_SECRET: secret,
          LITELLM_URL: litellmUrl,
          REDIS_URL: redis.url,
          ...options.env,
          ...env,
        },
        logFile: join(dir, 'hook-service.log'),
      });
    // The door must know where hook-service is; hook-service may come and go.
    const hook = await startHook();
    const current = { hook };
    started.push({ stop: () => current.hook.stop() });
    const litellm = await startLiteLLM({
      configPath,
      port: litellmPort,
      env: {
        TOOLTURN_URL: `http://127.0.0.1:${hookPort}`,
        TOOLTURN_SECRET: secret,
        ...masterKey,
        ...files,
        ...options.env,
      },
      logFile: join(dir, 'litellm.log'),
      // By itself it closes a connection after 5 s, which on a busy machine is just when a client uses it again.
      args: ['--keepalive_timeout', '75', ...(options.litellmArgs ?? [])],
    });
    started.push(litellm);
    const stack: Stack = {
      dir,
      url: litellmUrl,
      model,
      litellm,
      redis,
      get hook() {
        return current.hook;
      },
      set hook(next) {
        current.hook = next;
      },
      client: (alias = 'alice') =>
        new OpenAI({ baseURL: `${litellmUrl}/v1`, apiKey: `sk-test-${alias}`, maxRetries: 0 }),
      startHook,
      logged: () => lines(files.RECORDER_FILE).map((line) => JSON.parse(line) as LoggedRequest),
      keys: () => lines(files.KEYS_FILE),
      stop,
    };
    return stack;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Writes LiteLLM's config and what it loads into a folder; gives the path of the config. */
export function writeConfig(dir: string, modelUrl: string, options: StackOptions): string {
  const priced = { input_cost_per_token: 0.001, output_cost_per_token: 0.002 };
  const config = {
    model_list: [
      {
        model_name: 'demo',
        litellm_params: { model: 'openai/demo', api_base: modelUrl, api_key: 'none', ...priced },
      },
      ...(options.models ?? []),
    ],
    general_settings: { custom_auth: 'keys.check', ...options.general },
    litellm_settings: { callbacks: ['recorder.recorder'], num_retries: 0, ...options.litellm },
    ...(options.router === undefined ? {} : { router_settings: options.router }),
    guardrails: [
      ...(options.guardrailsBefore ?? []),
      {
        guardrail_name: 'toolturn',
        litellm_params: {
          guardrail: 'toolturn_guardrail.Toolturn',
          mode: ['pre_call', 'post_call'],
          default_on: true,
        },
      },
    ],
    ...(options.servers === undefined ? {} : { mcp_servers: options.servers }),
    ...(options.toolturn === undefined ? {} : { toolturn: options.toolturn }),
  };
  mkdirSync(dir, { recursive: true });
  copyFileSync(join(root, 'litellm', 'toolturn_guardrail.py'), join(dir, 'toolturn_guardrail.py'));
  for (const file of ['recorder.py', 'keys.py', 'spend_rows.py'])
    copyFileSync(join(__dirname, 'litellm', file), join(dir, file));
  const path = join(dir, 'config.yaml');
  writeFileSync(path, stringify(config));
  return path;
}

function lines(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}
