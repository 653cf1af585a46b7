/** The two commands as people type them: real bash, real LiteLLM, real servers. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoAnswer, secretSentence } from '../../scripts/src/demo-model';
import { root, stateDir } from '../../scripts/src/paths';
import { familyOf, startTimeOf, stillAlive, type ProcessEntry } from '../../scripts/src/process-table';
import { freePort, waitUntil } from '../../scripts/src/processes';
import { startScriptedModel } from '../../scripts/src/scripted-model';

jest.setTimeout(240_000);
/** A detached stack that a failed test would leave behind. */
let detached = false;
afterEach(async () => {
  if (detached) await run('down');
  detached = false;
});

const dir = mkdtempSync(join(tmpdir(), 'toolturn-up-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
// Empty rather than absent, so that nothing of a developer's .env is taken instead.
const settings = [
  'OPENAI_API_KEY',
  'ANTHROPIC_API_KEY',
  'GEMINI_API_KEY',
  'LITELLM_MASTER_KEY',
  'TOOLTURN_SECRET',
  'REDIS_URL',
];
const clean = { ...process.env, ...Object.fromEntries(settings.map((name) => [name, ''])) };

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a script of the checkout to its end. */
function run(script: 'up' | 'down', args: string[] = [], env: NodeJS.ProcessEnv = clean): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(join(root, 'scripts', script), args, { cwd: dir, env }, (error, output, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output, errors });
    });
  });
}

/** Starts `up` in the foreground; `said` waits for a text in its output, `family` is everything it started. */
function foreground(args: string[]) {
  const child: ChildProcess = spawn(join(root, 'scripts', 'up'), args, { cwd: dir, env: clean });
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = child.pid ?? 0;
  return {
    child,
    ended,
    said: async (text: string): Promise<string> => {
      const done = async (): Promise<boolean> => output.includes(text) || child.exitCode !== null;
      await waitUntil(done, { timeoutMs: 180_000, what: `"${text}" of up` });
      expect(output).toContain(text);
      return output;
    },
    family: (): ProcessEntry[] => familyOf({ pid, startTime: startTimeOf(pid) ?? '' }),
  };
}

test('up --check --server tries one server and says what is not configured', async () => {
  const port = await freePort();
  const { code, output, errors } = await run('up', [
    ...['--check', '--port', `${port}`],
    ...['--server', 'ref', '--server', 'elsewhere'],
  ]);
  expect(output).toContain('ref: pass (ref__echo)');
  expect(output).toContain('elsewhere: not configured');
  expect(errors).toContain('not ok: elsewhere');
  expect(code).toBe(1);
});

test('up --check ends with the secret word that stands only in a file, and stops everything', async () => {
  const port = await freePort();
  const { code, output } = await run('up', ['--check', '--port', `${port}`]);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  expect(last).toMatch(/^ok: the model read the secret word \w+-\d{6}/);
  const word = /secret word (\S+)/.exec(last)?.[1] ?? '';
  expect(output).toContain(`The secret word in the file is "${word}"`);
  expect(output).toMatch(/2 rounds, 1 call, \d+ ms in all/);
  expect(output).toContain('ran fs__read_text_file');
  expect(code).toBe(0);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  expect(existsSync(join(stateDir, 'files', `${port}`))).toBe(false);
  expect(existsSync(join(stateDir, 'run', `${port}`))).toBe(false);
});

test('up shows a curl line that works as printed, and Ctrl-C stops everything', async () => {
  const up = foreground(['--port', `${await freePort()}`]);
  const output = await up.said('Ctrl-C stops everything.');
  const [, curl = ''] = /(curl -N [^]*?'\n)\n/.exec(output) ?? [];
  const word = /in the file is "(\S+)"/.exec(output)?.[1] ?? 'no word';
  const tried = await new Promise<string>((resolve) => {
    execFile('bash', ['-c', curl], { env: clean }, (_error, stdout) => resolve(stdout));
  });
  expect(tried).toContain('[DONE]');
  const chunks = [...tried.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => JSON.parse(json));
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toContain(word);
  expect(output).not.toMatch(/sk-[0-9a-f]{20}/);

  const family = up.family();
  expect(family.length).toBeGreaterThan(5);
  up.child.kill('SIGINT');
  await up.ended;
  expect(stillAlive(family)).toEqual([]);
});

test('up whose output is closed, as by "up | head", leaves nothing running', async () => {
  const up = foreground(['--port', `${await freePort()}`]);
  await up.said('hook-service');
  const family = up.family();
  up.child.stdout?.destroy();
  await up.ended;
  expect(stillAlive([...family, ...up.family()])).toEqual([]);
});

test('an occupied port is one sentence', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const { code, errors } = await run('up', ['--check', '--port', `${port}`]);
  server.close();
  expect(code).not.toBe(0);
  expect(errors.trim().split('\n')).toHaveLength(1);
  expect(errors).toContain(`Port ${port} is in use by another program`);
});

test.each([
  ['node', 'echo v18.4.0; exit 1', /Node v18\.4\.0 is too old: install Node 20/],
  ['python3', 'echo 3.9', /Python 3\.10 or newer is missing \(python3 is 3\.9\)/],
])('a %s that is too old is one sentence', async (name, script, sentence) => {
  const bin = mkdtempSync(join(dir, 'bin-'));
  const names =
    name === 'node' ? [name] : [name, 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
  for (const each of names) {
    writeFileSync(join(bin, each), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, each), 0o755);
  }
  const env = {
    ...clean,
    TOOLTURN_LITELLM_VENV: '',
    TOOLTURN_PYTHON: '',
    PATH: `${bin}:${process.env.PATH}`,
  };
  const { code, errors } = await run('up', ['--check'], env);
  expect(code).not.toBe(0);
  expect(errors.trim().split('\n')).toHaveLength(1);
  expect(errors).toMatch(sentence);
});

test('a LiteLLM that dies at its start is told with its own words, and nothing is left running', async () => {
  const config = join(dir, 'broken.yaml');
  writeFileSync(config, 'model_list: []\ngeneral_settings: {custom_auth: no_such_file.auth}\n');
  const port = await freePort();
  const { code, errors } = await run('up', ['--config', config, '--port', `${port}`, '--check']);
  expect(code).not.toBe(0);
  expect(errors).toMatch(/LiteLLM ended with exit code \d+; the last lines of .*litellm\.log/);
  expect(errors).toContain('no_such_file');
});

test('up --config --detach runs somebody else’s config untouched, and down leaves zero processes', async () => {
  const own = join(dir, 'own');
  mkdirSync(own);
  writeFileSync(join(own, 'word.txt'), secretSentence('own-word-1'));
  const model = await startScriptedModel({ answer: demoAnswer });
  const config = join(own, 'my-config.yaml');
  const text = `model_list:
  - model_name: mine # my model
    litellm_params: {model: openai/mine, api_base: ${model.url}, api_key: none}
general_settings: {master_key: os.environ/MY_KEY, custom_auth: my_auth.check}
mcp_servers:
  papers: {command: node, args: [${root}/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js, ${own}]}
`;
  writeFileSync(config, text);
  writeFileSync(
    join(own, 'my_auth.py'),
    `from litellm.proxy._types import UserAPIKeyAuth
async def check(request, api_key):
    if api_key != "sk-mine":
        raise Exception("not my key")
    return UserAPIKeyAuth(api_key=api_key)
`,
  );
  const port = await freePort();
  const args = ['--config', config, '--port', `${port}`, '--no-demo', '--detach'];
  const up = await run('up', args, { ...clean, MY_KEY: 'sk-mine' });
  // A stack that somebody else had detached from this checkout is not ours to stop.
  detached = up.code === 0;
  expect(up.errors).toBe('');
  expect(up.code).toBe(0);

  const runFile = join(stateDir, 'run.json');
  const recorded = JSON.parse(readFileSync(runFile, 'utf8'));
  expect(recorded).toMatchObject({
    port,
    urls: { litellm: `http://127.0.0.1:${port}` },
    keys: { litellm_master_key: 'MY_KEY', toolturn_secret: 'TOOLTURN_SECRET' },
    config: { original: config },
  });
  const names = recorded.processes.map((each: { name: string }) => each.name);
  expect(names).toEqual(['redis', 'hook-service', 'litellm']);
  const secrets = readFileSync(recorded.secrets_file, 'utf8');
  expect(statSync(recorded.secrets_file).mode & 0o777).toBe(0o600);
  for (const [, value = ''] of secrets.matchAll(/=(.+)/g)) {
    expect(
      readFileSync(runFile, 'utf8') + readFileSync(recorded.config.copy, 'utf8') + up.output,
    ).not.toContain(value);
  }

  const ask = (key: string) =>
    fetch(`${recorded.urls.litellm}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'mine',
        messages: [{ role: 'user', content: `Which secret word stands in ${own}/word.txt?` }],
      }),
    });
  expect(await (await ask('sk-mine')).text()).toContain('own-word-1');
  expect((await ask('sk-other')).ok).toBe(false);
  expect(readFileSync(config, 'utf8')).toBe(text);
  expect(existsSync(join(own, '__pycache__'))).toBe(false);

  const again = await run('up', args, { ...clean, MY_KEY: 'sk-mine' });
  expect(again.errors).toContain('stop it with ./scripts/down first');

  const family = recorded.processes.flatMap((each: { pid: number; start_time: string }) =>
    familyOf({ pid: each.pid, startTime: each.start_time }),
  );
  expect(family.length).toBeGreaterThan(3);
  const down = await run('down');
  expect(down.output).toMatch(/stopped litellm \(pid \d+\)\nstopped hook-service \(pid \d+\)\nstopped redis/);
  expect(down.code).toBe(0);
  expect(stillAlive(family)).toEqual([]);
  const second = await run('down');
  expect(second).toMatchObject({ code: 0, output: expect.stringContaining('Nothing to stop') });
  await model.stop();
});
