import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { secret } from './stack';

/** A hook-service alone, for tests of what comes through its door: the scripted model is asked without LiteLLM. */
export interface LoneHook {
  readonly dir: string;
  readonly logFile: string;
  readonly hook: RunningHookService;
  readonly model: ScriptedModel;
  /** A request as the door sends it; `body` may be text that is no JSON at all. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Offers tools to a request, and gives what the later hooks are sent of it. */
  armed(request: object): Promise<any>;
  stop(): Promise<void>;
}

export async function startLoneHook(options: {
  servers?: Record<string, object>;
  toolturn?: object;
  env?: Record<string, string>;
  /** What stands in LiteLLM's place; the scripted model where there is none. */
  upstream?: string;
}): Promise<LoneHook> {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-lone-'));
  const model = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  const configPath = join(dir, 'config.yaml');
  const { servers, toolturn } = options;
  writeFileSync(configPath, stringify({ mcp_servers: servers ?? {}, toolturn: toolturn ?? {} }));
  const logFile = join(dir, 'hook-service.log');
  const litellm = options.upstream ?? model.url.replace(/\/v1$/, '');
  const env = { TOOLTURN_SECRET: secret, LITELLM_URL: litellm, ...options.env };
  const hook = await startHookService({ configPath, env, logFile });
  const post: LoneHook['post'] = (...request) => postToHook(hook.url, ...request);
  return {
    dir,
    logFile,
    hook,
    model,
    post,
    armed: (request) => armedBy(hook.url, request),
    async stop() {
      await hook.stop();
      await model.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Posts what the door would to hook-service at this address. */
export const postToHook = (
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-toolturn-secret': secret, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });

/** Has hook-service at this address offer tools to a request, and gives what the later hooks are sent of it. */
export async function armedBy(url: string, request: object): Promise<any> {
  const answer: any = await (await postToHook(url, '/hooks/pre-call', request)).json();
  if (answer.action !== 'arm') throw new Error(`no tools were offered: ${JSON.stringify(answer)}`);
  const { body } = request as { body: object };
  return { ...request, body: { ...body, ...answer.set }, turn: answer.turn };
}

/** A chat request as the door describes it to the hooks. */
export const chatRequest = (body: object = {}, key = 'alice'): object => ({
  url: 'http://litellm/v1/chat/completions',
  headers: { authorization: `Bearer sk-test-${key}` },
  key: { hash: `hash-of-${key}`, alias: key, user: null, team: null },
  call_id: null,
  body: { model: 'demo', messages: [{ role: 'user', content: 'Hello?' }], ...body },
});

/** A model's answer with calls, as LiteLLM gives it. */
export const withCalls = (calls: readonly { id?: string | null; name: string; arguments: string }[]) => ({
  id: 'r1',
  object: 'chat.completion',
  created: 1,
  model: 'demo',
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: null,
        tool_calls: calls.map(({ id, ...named }) => ({
          ...(id === null ? {} : { id: id ?? 'call_1' }),
          type: 'function',
          function: named,
        })),
      },
    },
  ],
});
