/** `toolturn doctor` against the running stack, whole and broken, and what `--fix` makes of a bad set-up. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLiteLLM } from '../../scripts/src/litellm';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis } from '../../scripts/src/redis';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const root = join(__dirname, '..', '..');
const filesystemServer = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');
const key = 'sk-test-alice';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

function doctor(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    // Behind "--" Node 20 leaves --env-file to the doctor.
    const command = ['--', join(root, 'hook-service', 'dist', 'main.js'), 'doctor', ...args];
    const child = execFile(
      process.execPath,
      command,
      { env: { PATH, HOME, ...env }, timeout: 120_000 },
      (_error, out, error) => resolve({ code: child.exitCode ?? -1, out, error }),
    );
  });
}

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({ tools: [{ name: 'look' }, { name: 'count' }] });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(async () => {
  stack.model.reset();
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 && toolNames(request).length > 0
      ? { toolCalls: [{ name: 'notes__look', arguments: {} }] }
      : { text: `It is ${lastResults(request).join()}.` },
  );
  if (!stack.hook.running) stack.hook = await stack.startHook();
  const ready = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(2_000);
    const answer = await fetch(`${stack.hook.url}/health/ready`, { signal }).catch(() => undefined);
    return ((await answer?.json()) as { status?: string } | undefined)?.status === 'ready';
  };
  await waitUntil(ready, { timeoutMs: 60_000, what: 'hook-service with all its parts' });
}, 90_000);

async function live(env: Record<string, string> = {}, args: readonly string[] = ['--model', 'demo']) {
  const addresses = ['--litellm-url', stack.url, '--url', stack.hook.url];
  const run = await doctor(['--live', '--json', ...addresses, ...args], {
    LITELLM_API_KEY: key,
    TOOLTURN_SECRET: secret,
    ...env,
  });
  const report = JSON.parse(run.out);
  const status = Object.fromEntries(report.live.map((step: any) => [step.id, step.status]));
  const step = (id: string): any => report.live.find((each: any) => each.id === id);
  return { ...run, report, status, step };
}

const wholeWay = {
  litellm: 'passed',
  version: 'passed',
  open: 'passed',
  key: 'passed',
  'hook-service': 'passed',
  secret: 'passed',
  door: 'passed',
  redis: 'passed',
  'mcp:notes': 'passed',
  tools: 'passed',
  names: 'passed',
  catalog: 'passed',
  nonsense: 'passed',
  turn: 'passed',
};

describe('toolturn doctor --live', () => {
  it('finds every step of a turn in order on a whole stack, and asks the model only what was asked for', async () => {
    const { code, status, step, out } = await live();
    expect(status).toEqual(wholeWay);
    expect(code).toBe(0);
    expect(step('turn').found).toBe('answered after 2 rounds with 1 call');
    expect(stack.model.requests).toHaveLength(2);
    for (const each of [key, secret]) expect(out).not.toContain(each);
  });

  it('asks no model without --model', async () => {
    const { status } = await live({}, []);
    expect(status).toEqual({ ...wholeWay, turn: 'not_checked' });
    expect(stack.model.requests).toHaveLength(0);
  });

  it('says which secret is wrong, and does not check what depends on it', async () => {
    const { code, status, step } = await live({ TOOLTURN_SECRET: 'another-secret-of-32-characters!' });
    expect(status).toMatchObject({
      litellm: 'passed',
      secret: 'failed',
      redis: 'passed',
      'mcp:notes': 'passed',
    });
    expect(status).toMatchObject({ door: 'not_checked', tools: 'not_checked', turn: 'not_checked' });
    expect(step('secret').next).toContain('TOOLTURN_SECRET');
    expect(code).toBe(2);
  });

  it('says that the door has another secret than hook-service', async () => {
    const other = 'rotated-on-one-side-only';
    await stack.hook.stop();
    stack.hook = await stack.startHook({ TOOLTURN_SECRET: other });
    const { status, step } = await live({ TOOLTURN_SECRET: other });
    expect(status).toMatchObject({ secret: 'passed', door: 'failed', nonsense: 'not_checked' });
    expect(step('door').next).toContain('TOOLTURN_SECRET of LiteLLM is wrong');
    await stack.hook.stop();
  });

  it('says that hook-service is down, and checks LiteLLM all the same', async () => {
    await stack.hook.stop();
    const { code, status } = await live();
    expect(status).toMatchObject({
      key: 'passed',
      'hook-service': 'failed',
      door: 'not_checked',
      redis: 'not_checked',
    });
    expect(code).toBe(2);
  });

  it('says that Redis is down, as a warning, because turns go on', async () => {
    await stack.redis.stop();
    const lost = async (): Promise<boolean> => {
      const answer: any = await (await fetch(`${stack.hook.url}/health/ready`)).json();
      return answer.parts.redis.state === 'reconnecting';
    };
    await waitUntil(lost, { timeoutMs: 15_000, what: 'readiness without Redis' });
    const { code, status } = await live();
    const dir = join(stack.dir, 'redis');
    const again = await startRedis({ dir, port: stack.redis.port, logFile: join(stack.dir, 'redis.log') });
    stopLater.push(again);
    expect(status).toEqual({ ...wholeWay, redis: 'failed' });
    expect(code).toBe(1);
  });

  it('names the server that is down with its reason', async () => {
    await fixture.down();
    // hook-service notices at its next word with the server.
    await stack
      .client()
      .chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] });
    const { code, status, step } = await live({}, []);
    await fixture.up();
    expect(status).toMatchObject({ door: 'passed', 'mcp:notes': 'failed' });
    expect(step('mcp:notes').found).toMatch(/: .+/);
    expect(code).toBe(2);
  });
});

const stopLater: { stop(): Promise<void> }[] = [];
afterAll(async () => {
  for (const part of stopLater) await part.stop();
});

const bad = `# The one file
litellm_settings:
  json_logs: true # one line each
  master_key: os.environ/LITELLM_MASTER_KEY # administrator
  mcp_aliases:
    fs: file-server

model_list:
  - model_name: demo
    litellm_params: {model: openai/demo, api_base: "http://127.0.0.1:9/v1", api_key: none}

mcp_servers:
  file-server: # of this machine
    transport: stdio
    command: node
    args: [files.js]
    env:
      PORT: 5432
      TOKEN: "\${FILES_TOKEN}"
`;

describe('a bad set-up', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'toolturn-doctor-'));
    copyFileSync(join(root, 'litellm', 'toolturn_guardrail.py'), join(dir, 'toolturn_guardrail.py'));
    const env = 'LITELLM_MASTER_KEY=sk-example-of-a-test\nFILES_TOKEN=example\n';
    writeFileSync(join(dir, 'litellm.env'), env, { mode: 0o644 });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is mended by --fix once, keeps its comments and the file before, and LiteLLM starts with it', async () => {
    const config = join(dir, 'config.yaml');
    const written = bad.replace('files.js', `${filesystemServer}, ${dir}`);
    writeFileSync(config, written);
    const files = ['--config', config, '--env-file', join(dir, 'litellm.env')];
    expect((await doctor(files)).code).toBe(2);

    const fixed = await doctor([...files, '--fix']);
    expect(fixed).toMatchObject({ code: 0, error: '' });
    expect(fixed.out).not.toContain('sk-example-of-a-test');
    expect(readFileSync(`${config}.bak`, 'utf8')).toBe(written);
    const text = readFileSync(config, 'utf8');
    for (const comment of ['# The one file', '# one line each', '# of this machine', '# administrator'])
      expect(text).toContain(comment);
    expect(text).toMatch(/^ {2}file_server: # of this machine\n {4}alias: fs\n/m);

    const again = await doctor([...files, '--fix']);
    expect(again.code).toBe(0);
    expect(readFileSync(config, 'utf8')).toBe(text);

    const litellm = await startLiteLLM({
      configPath: config,
      env: { LITELLM_MASTER_KEY: 'sk-example-of-a-test', FILES_TOKEN: 'example', TOOLTURN_SECRET: secret },
      logFile: join(dir, 'litellm.log'),
    });
    try {
      const models = (headers: Record<string, string>) => fetch(`${litellm.url}/v1/models`, { headers });
      expect((await models({})).status).toBe(401);
      const administrator = { authorization: 'Bearer sk-example-of-a-test' };
      expect((await models(administrator)).status).toBe(200);
      const tools = await fetch(`${litellm.url}/mcp-rest/tools/list`, { headers: administrator });
      expect(await tools.text()).toContain('read_text_file');
    } finally {
      await litellm.stop();
    }
  }, 240_000);

  it('without a master key is found open by --live', async () => {
    const config = join(dir, 'config.yaml');
    writeFileSync(config, 'litellm_settings: {json_logs: true}\nmodel_list: []\n');
    const litellm = await startLiteLLM({
      configPath: config,
      env: { LITELLM_MASTER_KEY: undefined },
      logFile: join(dir, 'litellm.log'),
    });
    try {
      const { code, out } = await doctor(['--live', '--litellm-url', litellm.url, '--url', stack.hook.url], {
        LITELLM_API_KEY: key,
        TOOLTURN_SECRET: secret,
      });
      expect(out).toMatch(/FAIL {2}Nobody gets in without a key: .* open to everybody/);
      expect(code).toBe(2);
    } finally {
      await litellm.stop();
    }
  }, 240_000);

  it('that cannot be read ends with 3 and a reason in one line', async () => {
    const { code, out, error } = await doctor(['--config', join(dir, 'none.yaml')]);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(error).toMatch(/^toolturn doctor: .*none\.yaml cannot be read \(ENOENT\)\n$/);
    const variables = await doctor(['--env-file', join(dir, 'none.env')]);
    expect({ code: variables.code, out: variables.out }).toEqual({ code: 3, out: '' });
    expect(variables.error).toMatch(/^toolturn doctor: .*none\.env cannot be read \(ENOENT\)\n$/);
  });
});
