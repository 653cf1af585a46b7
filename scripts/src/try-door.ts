/** The checks of the door against one LiteLLM: a whole stack beside the one that runs, with a scripted model. */
import { rmSync } from 'node:fs';
import { question, runTurn, writeSecret } from './demonstration';
import { StartError } from './errors';
import { isRecord } from './json';
import { readOptions } from './options';
import { runDir, stateDir } from './paths';
import { freePort } from './processes';
import { readSecrets } from './secrets';
import { startStack } from './stack';
import { join } from 'node:path';

/**
 * Starts the sample with the LiteLLM of `venv` on ports of its own and asks one question twice, streaming and not. A
 * tool has to run and nothing of it may reach the client. Returns what was seen, a line each; throws `StartError`.
 * What it started is for `stopEverything()`.
 */
export async function tryDoor(venv: string): Promise<string[]> {
  const port = await freePort();
  // Nothing of the stack that runs: neither its Redis nor its ports.
  for (const name of [
    'REDIS_URL',
    'TOOLTURN_PORT',
    'TOOLTURN_REDIS_PORT',
    'TOOLTURN_DEMO_MODEL_PORT',
    'TOOLTURN_MCP_HTTP_PORT',
    'TOOLTURN_MCP_SSE_PORT',
  ])
    delete process.env[name];
  const secrets = readSecrets(join(stateDir, 'try-door.env'));
  const stack = await startStack(readOptions(['--port', `${port}`, '--no-demo']), secrets, venv);
  const secret = writeSecret(port);
  try {
    const lines = [`LiteLLM ${stack.litellm.version} starts and loads the door`];
    const asked = question(secret.path);
    const report = await runTurn({
      litellmUrl: stack.litellm.url,
      key: secrets.LITELLM_MASTER_KEY,
      model: 'demo',
      question: asked,
      hookServiceUrl: stack.hookService.url,
      secret: secrets.TOOLTURN_SECRET,
      write: () => undefined,
    });
    if (report.error !== undefined) throw new StartError(`the streaming turn failed: ${report.error}`);
    if (report.leaked) throw new StartError('a tool call reached the client of the streaming turn');
    if (!report.answer.includes(secret.word)) throw new StartError('the streaming turn ran no tool');
    lines.push('a streaming turn runs a tool');
    const answer = await askOnce(stack.litellm.url, secrets.LITELLM_MASTER_KEY, asked);
    if (!answer.includes(secret.word)) throw new StartError('the turn that does not stream ran no tool');
    lines.push('a turn that does not stream runs a tool');
    return lines;
  } finally {
    secret.remove();
    rmSync(runDir(port), { recursive: true, force: true });
  }
}

async function askOnce(url: string, key: string, asked: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: asked }] }),
    signal: AbortSignal.timeout(120_000),
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new StartError(`the turn that does not stream failed: HTTP ${response.status}`);
  const choice: unknown = isRecord(body) && Array.isArray(body.choices) ? body.choices[0] : undefined;
  const message = isRecord(choice) && isRecord(choice.message) ? choice.message : {};
  if (message.tool_calls !== undefined && message.tool_calls !== null)
    throw new StartError('a tool call reached the client of the turn that does not stream');
  return typeof message.content === 'string' ? message.content : '';
}
