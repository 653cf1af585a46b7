import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gate } from '../../scripts/src/gate';
import { processTable } from '../../scripts/src/process-table';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import {
  change,
  configOf,
  configPath,
  configText,
  configUntil,
  loaded,
  logged,
  readiness,
  writeConfig,
} from '../support/reload';
import { all, postSse } from '../support/sse';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const stdio = join(__dirname, '..', 'support', 'mcp', 'stdio-server.mjs');
const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'What is the word?' }] };

let notes: HttpFixture;
let other: HttpFixture;
let stack: Stack;
let original: string;
let wait: () => Promise<string>;

beforeAll(async () => {
  notes = await startHttpFixture({ tools: [{ name: 'wait', handler: () => wait() }] });
  other = await startHttpFixture({ tools: [{ name: 'look', handler: () => 'quince' }] });
  stack = await startStack({
    servers: { notes: { url: notes.url, transport: 'http' } },
    toolturn: { limits: { turn_seconds: 20, answer_seconds: 5 } },
  });
  original = configText(stack);
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await Promise.all([notes?.stop(), other?.stop()]);
});

beforeEach(async () => {
  wait = async () => 'pear';
  stack.model.reset();
  if (configText(stack) !== original) writeFileSync(configPath(stack), original);
});

/** A hook-service of its own begins: its log holds nothing of the tests before. */
async function restart(env: Record<string, string | undefined> = {}): Promise<void> {
  await stack.hook.stop();
  writeFileSync(stack.hook.logFile, '');
  stack.hook = await stack.startHook(env);
}

const offeredNow = async (): Promise<string[]> => {
  stack.model.reset();
  stack.model.answerWith(() => ({ text: 'fine' }));
  await stack.client().chat.completions.create(question);
  return toolNames(stack.model.requests[0]);
};
const otherEntry = (more: object = {}): object => ({ url: other.url, transport: 'http', ...more });
const messages = (): string[] => logged(stack).map(({ message }) => String(message));
const connections = (server: string): number =>
  messages().filter((message) => message === `MCP server ${server} is connected`).length;

describe('a change of config.yaml', () => {
  beforeEach(() => restart());

  it('brings a server and takes it again, in turns, at /v1/tools and for MCP clients, and leaves the others alone', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const heard: (() => void)[] = [];
    client.setNotificationHandler('notifications/tools/list_changed', () => heard.shift()?.());
    const hears = (): Promise<void> => new Promise((resolve) => heard.push(resolve));
    const url = new URL(`${stack.hook.url}/mcp`);
    const headers = { authorization: 'Bearer sk-test-alice' };
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    const listed = async () => (await client.listTools()).tools.map(({ name }) => name);
    expect(await listed()).toEqual(['notes__wait']);

    const told = hears();
    const after = await change(stack, (config) => (config.mcp_servers.other = otherEntry()));
    await told;
    expect(await listed()).toEqual(['notes__wait', 'other__look']);
    expect(await offeredNow()).toEqual(['notes__wait', 'other__look']);
    const tools = await fetch(`${stack.hook.url}/v1/tools`, { headers });
    expect(((await tools.json()) as any).servers.map(({ name }: any) => name)).toEqual(['notes', 'other']);
    expect(logged(stack)).toContainEqual(
      expect.objectContaining({
        message: 'the configuration was reloaded',
        version: after.version,
        servers_added: ['other'],
      }),
    );

    const toldAgain = hears();
    await change(stack, (config) => delete config.mcp_servers.other);
    await toldAgain;
    expect(await listed()).toEqual(['notes__wait']);
    expect(await offeredNow()).toEqual(['notes__wait']);
    expect(connections('notes')).toBe(1);
    await client.close();
  });

  it('lets a turn finish on the config it began with, and a program that was removed ends behind it', async () => {
    const starts = join(stack.dir, 'starts.txt');
    const program = { command: process.execPath, args: [stdio, 'normal', starts], transport: 'stdio' };
    await change(stack, (config) => {
      config.mcp_servers.files = program;
      config.toolturn.limits = { turn_seconds: 3, answer_seconds: 1, rounds: 5 };
    });
    const pid = Number(readFileSync(starts, 'utf8').trim());
    const isAlive = (): boolean => processTable().some((entry) => entry.pid === pid);
    const working = gate();
    const go = gate();
    wait = async () => {
      working.open();
      await go.opened;
      return 'pear';
    };
    const script = ['notes__wait', 'files__greet', 'files__greet'];
    stack.model.answerWith((request) => {
      const name = script[roundsBehind(request)];
      return name === undefined || !toolNames(request).includes(name)
        ? { text: `It is ${lastResults(request).join()}.` }
        : { toolCalls: [{ name, arguments: {} }] };
    });
    const answering = stack.client().chat.completions.create(question);
    await working.opened;
    const after = await change(stack, (config) => {
      delete config.mcp_servers.files;
      config.toolturn.limits = { turn_seconds: 20, answer_seconds: 5, rounds: 1 };
    });
    expect(after.older).toBeGreaterThanOrEqual(1);
    expect(isAlive()).toBe(true);
    go.open();
    expect((await answering).choices[0]?.message.content).toBe('It is hello.');
    const requests = stack.model.requests.length;
    expect(requests).toBe(4);
    expect(await offeredNow()).toEqual(['notes__wait']);
    await waitUntil(async () => !isAlive(), { timeoutMs: 30_000, what: 'The end of the removed program' });
    expect((await configUntil(stack, ({ older }) => older === undefined, 'is alone')).state).toBe('ready');
  });

  it.each([false, true])(
    'between offer and answer leaves a turn what it was offered (streaming: %p)',
    async (stream) => {
      await change(stack, (config) => (config.mcp_servers.other = otherEntry()));
      const offered = gate();
      const changed = gate();
      stack.model.answerWith(async (request) => {
        if (roundsBehind(request) > 0) return { text: `It is ${lastResults(request).join()}.` };
        offered.open();
        await changed.opened;
        return { toolCalls: [{ name: 'other__look', arguments: {} }] };
      });
      const url = `${stack.url}/v1/chat/completions`;
      const answering: Promise<unknown> = stream
        ? postSse(url, 'sk-test-alice', { ...question, stream }).then(({ events }) => all(events))
        : stack.client().chat.completions.create(question);
      await offered.opened;
      await change(stack, (config) => delete config.mcp_servers.other);
      expect(Object.keys((await readiness(stack)).parts)).not.toContain('mcp:other');
      changed.open();
      expect(JSON.stringify(await answering)).toContain('quince');
    },
  );

  it('of one server gives that one a new session, and what is only asked for each time gives none', async () => {
    await change(stack, (config) => (config.mcp_servers.other = otherEntry({ headers: { 'x-try': 'one' } })));
    expect(other.lastHeaders['x-try']).toBe('one');
    await change(stack, (config) => {
      config.mcp_servers.other.headers = { 'x-try': 'two' };
      config.mcp_servers.notes.description = 'Notes';
      config.mcp_servers.notes.access_groups = ['g'];
    });
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'other__look', arguments: {} }] }
        : { text: lastResults(request).join() },
    );
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toBe('quince');
    expect(other.lastHeaders['x-try']).toBe('two');
    expect([connections('notes'), connections('other')]).toEqual([1, 2]);
  });

  it('in an included file, or by a file in its place, is noticed too', async () => {
    const included = join(stack.dir, 'more.yaml');
    writeFileSync(included, 'mcp_servers: {}\n');
    await change(stack, (config) => (config.include = ['more.yaml']));
    expect(await offeredNow()).toEqual([]);
    writeFileSync(included, `mcp_servers: {mine: {url: "${other.url}", transport: http}}\n`);
    await loaded(stack);
    expect(await offeredNow()).toEqual(['mine__look']);
    writeFileSync(join(stack.dir, 'new.yaml'), original);
    renameSync(join(stack.dir, 'new.yaml'), configPath(stack));
    await loaded(stack);
    expect(await offeredNow()).toEqual(['notes__wait']);
  });

  it('switches /mcp off and on', async () => {
    const status = async () =>
      (await fetch(`${stack.hook.url}/mcp`, { headers: { authorization: 'Bearer sk-test-alice' } })).status;
    expect(await status()).not.toBe(404);
    await change(stack, (config) => (config.toolturn.mcp = { enabled: false }));
    expect(await status()).toBe(404);
    await change(stack, (config) => delete config.toolturn.mcp);
    expect(await status()).not.toBe(404);
  });
});

test('a wrong file changes nothing, and says so: every problem at its line and column in one line of the log, and in health', async () => {
  await restart();
  const before = (await readiness(stack)).parts.config;
  const broken = original
    .replace('turn_seconds: 20', 'turn_seconds: soon')
    .replace('transport: http', 'transport: pigeon');
  writeFileSync(configPath(stack), broken);
  const said = await configUntil(stack, ({ state }) => state === 'degraded', 'is wrong');
  const at = (text: string) => broken.split('\n').findIndex((line) => line.includes(text)) + 1;
  expect(said).toMatchObject({ version: before.version, loaded: before.loaded });
  expect(Date.parse(said.since ?? '')).toBeGreaterThan(Date.parse(before.loaded));
  const file = configPath(stack);
  expect(said.reason).toContain(`the one before holds: ${file}:${at('pigeon')}:`);
  expect(said.reason).toContain('(and 1 more; the log has all)');
  const records = logged(stack).filter(({ level }) => level === 'error');
  expect(records).toEqual([
    expect.objectContaining({
      message: 'the configuration is wrong and was not loaded; the one before holds',
      problems: [
        expect.stringMatching(new RegExp(`^${file}:${at('pigeon')}:\\d+ mcp_servers\\.notes\\.transport: `)),
        expect.stringMatching(new RegExp(`^${file}:${at('soon')}:\\d+ toolturn\\.limits\\.turn_seconds: `)),
      ],
    }),
  ]);
  expect((await readiness(stack)).status).toBe('ready');
  expect(await offeredNow()).toEqual(['notes__wait']);
  writeFileSync(configPath(stack), original);
  await loaded(stack);
  expect(messages()).toContain('the configuration is good again, and as it was before');
});

describe('an env file', () => {
  const envFile = (): string => join(stack.dir, 'secrets.env');
  const write = (text: string): void => writeFileSync(envFile(), text, { mode: 0o600 });
  const withToken = (token: string, more = ''): void =>
    write(`TOOLTURN_SECRET=${secret}\nOTHER_TOKEN=${token}\n${more}`);
  const start = () =>
    restart({ TOOLTURN_SECRET: undefined, REDIS_URL: undefined, TOOLTURN_ENV_FILES: envFile() });
  const calls = async (): Promise<unknown> => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'other__look', arguments: {} }] }
        : { text: lastResults(request).join() },
    );
    const answer = await stack.client().chat.completions.create(question);
    return [answer.choices[0]?.message.content, other.lastHeaders.authorization];
  };

  beforeEach(() => {
    const config = configOf(stack);
    config['mcp_servers'].other = otherEntry({
      auth_type: 'bearer_token',
      auth_value: 'os.environ/OTHER_TOKEN',
    });
    writeConfig(stack, config);
  });

  it('that changes gives its servers the new token, and no log has it', async () => {
    withToken('canary-one-1234');
    await start();
    expect(await calls()).toEqual(['quince', 'Bearer canary-one-1234']);
    const before = (await readiness(stack)).parts.config.version;
    withToken('canary-two-1234');
    await configUntil(stack, ({ version }) => version !== before, 'is another');
    expect(await calls()).toEqual(['quince', 'Bearer canary-two-1234']);
    expect([connections('notes'), connections('other')]).toEqual([1, 2]);
    expect(readFileSync(stack.hook.logFile, 'utf8')).not.toContain('canary');
  });

  it('that others may read is warned of, once', async () => {
    withToken('canary-one-1234');
    chmodSync(envFile(), 0o644);
    await start();
    const mine = () => messages().filter((message) => message.includes('chmod 600'));
    expect(mine()).toEqual([
      `configuration: ${envFile()} warning: may be read or changed by others (mode 644): chmod 600 ${envFile()}`,
    ]);
    const before = (await readiness(stack)).parts.config.version;
    withToken('canary-two-1234');
    await configUntil(stack, ({ version }) => version !== before, 'is another');
    expect(mine()).toHaveLength(1);
  });

  it('that changes what is open already is told to need a restart, by name', async () => {
    withToken('canary-one-1234');
    await start();
    withToken('canary-one-1234', 'REDIS_URL=redis://127.0.0.1:1\n');
    const said = await configUntil(stack, ({ restart: names }) => names !== undefined, 'waits for a restart');
    expect(said.restart).toEqual(['REDIS_URL']);
    expect(messages()).toContain('a change of REDIS_URL takes effect at a restart');
    expect((await readiness(stack)).parts['redis']?.state).toBe('disabled');
  });

  it('that brings the door a new secret lets the old one in as long as its turns may live, and no longer', async () => {
    withToken('canary-one-1234');
    await start();
    const config = configOf(stack);
    config['toolturn'].limits = { turn_seconds: 1, answer_seconds: 1 };
    writeConfig(stack, config);
    await configUntil(stack, ({ older }) => older !== undefined, 'has the short limits');
    const statusWith = async (each: string): Promise<number> =>
      (await fetch(`${stack.hook.url}/turns/none`, { headers: { 'x-toolturn-secret': each } })).status;
    expect(await statusWith('another-secret-of-some-length')).toBe(401);
    expect(await offeredNow()).toContain('notes__wait');
    write('TOOLTURN_SECRET=another-secret-of-some-length\nOTHER_TOKEN=canary-one-1234\n');
    await waitUntil(async () => (await statusWith('another-secret-of-some-length')) === 404, {
      timeoutMs: 20_000,
      what: 'The new secret',
    });
    expect(await statusWith(secret)).toBe(404);
    await waitUntil(async () => (await statusWith(secret)) === 401, {
      timeoutMs: 60_000,
      what: 'The end of the old secret',
    });
  });
});

test('with TOOLTURN_RELOAD=off files are read at SIGHUP and only then', async () => {
  await restart({ TOOLTURN_RELOAD: 'off' });
  const env = { TOOLTURN_RELOAD: 'off' };
  expect((await readiness(stack)).parts.config).toMatchObject({ state: 'ready', reload: 'off' });
  process.kill(stack.hook.pid, 'SIGHUP');
  await waitUntil(async () => messages().includes('the configuration is as it was'), {
    timeoutMs: 20_000,
    what: 'An answer to SIGHUP',
  });
  const config = configOf(stack);
  config['mcp_servers'].other = otherEntry();
  writeConfig(stack, config);
  expect(await offeredNow()).toEqual(['notes__wait']);
  process.kill(stack.hook.pid, 'SIGHUP');
  await loaded(stack, env);
  expect(await offeredNow()).toEqual(['notes__wait', 'other__look']);
});
