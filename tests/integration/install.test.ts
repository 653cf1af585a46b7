/** `./scripts/install` into a LiteLLM that knows nothing of Toolturn: as people type it, with what it prints. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operatorEnv } from '../../scripts/src/environment';
import { startLiteLLM } from '../../scripts/src/litellm';
import { root } from '../../scripts/src/paths';
import { freePort, startProcess, waitForHttp } from '../../scripts/src/processes';
import { startScriptedModel } from '../../scripts/src/scripted-model';
import { startHttpFixture } from '../support/mcp/http-fixture';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const word = 'medlar-52';
const started: { stop(): Promise<void> }[] = [];
const base = mkdtempSync(join(tmpdir(), 'toolturn-install-'));
const dir = join(base, 'plain');

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
  rmSync(base, { recursive: true, force: true });
});

/** Runs the script to its end, without a terminal. */
function install(...args: string[]): Promise<{ code: number; output: string; errors: string }> {
  return new Promise((done) => {
    execFile(
      join(root, 'scripts', 'install'),
      ['--into', dir, ...args],
      { cwd: base },
      (error, output, errors) => done({ code: error === null ? 0 : Number(error.code ?? 1), output, errors }),
    );
  });
}

/** Every file below the folder: its bytes, mode and owner. */
function snapshot(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        const path = join(dir, name);
        const { mode, uid, gid } = statSync(path);
        const content = statSync(path).isFile() ? readFileSync(path).toString('base64') : '';
        return [name, `${mode} ${uid} ${gid} ${content}`];
      }),
  );
}

/** What follows a text up to the end of its line. */
function behind(output: string, text: string): string {
  const [, rest] = output.split(text);
  return rest?.split('\n')[0] ?? '';
}

test('a plain LiteLLM runs a tool after the installation, and is as before after its removal', async () => {
  const fixture = await startHttpFixture({
    tools: [{ name: 'look_up', handler: () => ({ content: [{ type: 'text', text: `It is ${word}.` }] }) }],
  });
  started.push(fixture);
  const model = await startScriptedModel({
    answer: (request) =>
      !toolNames(request).includes('notes__look_up')
        ? { text: 'I have no tool.' }
        : roundsBehind(request) === 0
          ? { toolCalls: [{ name: 'notes__look_up', arguments: {} }] }
          : { text: `The notes say: ${lastResults(request)[0]}` },
  });
  started.push(model);
  mkdirSync(dir);
  writeFileSync(
    join(dir, 'config.yaml'),
    `# our gateway
model_list:
  - model_name: demo # the only one
    litellm_params: {model: openai/demo, api_base: "${model.url}", api_key: none}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
litellm_settings:
  callbacks: [audit.audit]
mcp_servers:
  notes: {transport: http, url: os.environ/NOTES_URL}`,
    { mode: 0o640 },
  );
  writeFileSync(
    join(dir, 'audit.py'),
    'from litellm.integrations.custom_logger import CustomLogger\n\naudit = CustomLogger()\n',
  );
  // Python leaves byte code of the operator's own file there, with and without Toolturn.
  const environment = { LITELLM_MASTER_KEY: 'sk-test', NOTES_URL: fixture.url };
  const configPath = join(dir, 'config.yaml');
  const ask = async (url: string): Promise<string> => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'demo',
        messages: [{ role: 'user', content: 'What do the notes say?' }],
      }),
      signal: AbortSignal.timeout(60_000),
    });
    return response.text();
  };
  const before = snapshot();
  const [litellmPort, hookPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${hookPort}`;

  const unasked = await install('--url', url);
  expect(unasked).toMatchObject({ code: 2, output: expect.stringContaining('+guardrails:\n') });
  expect(snapshot()).toEqual(before);
  expect(await install('--dry-run')).toMatchObject({ code: 0 });
  expect(snapshot()).toEqual(before);

  const { code, output, errors } = await install('--url', url, '--yes');
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  const secret = behind(output, 'export TOOLTURN_SECRET=');
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(output).toContain('what mcp_servers names as well: NOTES_URL.');
  for (const name of readdirSync(dir)) expect(readFileSync(join(dir, name), 'utf8')).not.toContain(secret);
  const installed = snapshot();
  expect(await install('--yes')).toMatchObject({ code: 0, output: expect.stringContaining('already') });
  expect(snapshot()).toEqual(installed);

  const command = output.split('\n').find((line) => line.includes(' serve --config ')) ?? '';
  const hook = await startProcess({
    name: 'hook-service',
    command: 'bash',
    args: ['-c', `exec env ${command.trim().replace(':4000', `:${litellmPort}`)}`],
    env: operatorEnv(environment),
    cwd: base,
    graceMs: 30_000,
    logFile: join(base, 'hook-service.log'),
  });
  started.push(hook);
  await waitForHttp(`${url}/health/live`, { timeoutMs: 60_000, process: hook });
  const litellm = await startLiteLLM({
    configPath,
    port: litellmPort,
    cwd: base,
    env: {
      ...environment,
      TOOLTURN_URL: behind(output, 'export TOOLTURN_URL='),
      TOOLTURN_SECRET: secret,
      PYTHONDONTWRITEBYTECODE: undefined,
    },
    logFile: join(base, 'litellm.log'),
  });
  started.push(litellm);
  expect(litellm.version).toBe('1.77.3');
  expect(await ask(litellm.url)).toContain(`The notes say: It is ${word}.`);
  expect(fixture.calls).toHaveLength(1);
  await litellm.stop();
  await hook.stop();
  const left = readdirSync(join(dir, '__pycache__'));
  expect(left.some((name) => name.startsWith('toolturn_guardrail.'))).toBe(true);

  expect(await install('--remove', '--yes')).toMatchObject({ code: 0, errors: '' });
  // What LiteLLM made of the operator's own file is none of ours.
  const own = join(dir, '__pycache__');
  expect(readdirSync(own).every((name) => name.startsWith('audit.'))).toBe(true);
  rmSync(own, { recursive: true });
  expect(snapshot()).toEqual(before);
  expect(await install('--remove', '--yes')).toMatchObject({
    code: 0,
    output: expect.stringContaining('Nothing to remove'),
  });
}, 300_000);
