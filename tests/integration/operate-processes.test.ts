/** The operator's scripts for a stack of processes: real LiteLLM, hook-service, Redis. */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../../scripts/src/paths';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { asDetached, script } from '../support/operate';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

jest.setTimeout(400_000);
let notes: HttpFixture;
let stack: Stack;
let detached: ReturnType<typeof asDetached>;

beforeAll(async () => {
  notes = await startHttpFixture({ tools: [{ name: 'look_up', handler: () => 'It is medlar.' }] });
  stack = await startStack({ servers: { notes: { url: notes.url, transport: 'http' } } });
  detached = asDetached(stack, { TOOLTURN_SECRET: secret, REDIS_URL: stack.redis.url });
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ id: 'call_1', name: toolNames(request)[0] ?? 'none', arguments: {} }] }
      : { text: `Read: ${lastResults(request).join()}` },
  );
}, 240_000);

afterAll(async () => {
  await detached?.end();
  await stack?.stop();
  await notes?.stop();
});

const run = (name: string, ...args: string[]) =>
  script(name, [...args, '--run', detached.runFile], { env: { LITELLM_API_KEY: 'sk-test-alice' } });
const turn = async (): Promise<string> => {
  const body = { model: 'demo', messages: [{ role: 'user' as const, content: 'What do the notes say?' }] };
  return (await stack.client().chat.completions.create(body)).choices[0]?.message.content ?? '';
};

describe('every script', () => {
  const fronts = readdirSync(join(root, 'scripts/lib')).flatMap(
    (name) => /^help-(.+)\.txt$/.exec(name)?.[1] ?? [],
  );

  it.each(fronts)('%s explains itself with --help, before anything is installed', (name) => {
    const text = execFileSync(join(root, 'scripts', name), ['--help'], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(text).toBe(readFileSync(join(root, 'scripts/lib', `help-${name}.txt`), 'utf8'));
    expect(text).toMatch(new RegExp(`^\\./scripts/${name}: `));
  });

  it.each(fronts.filter((name) => !['up', 'install'].includes(name)))(
    '%s refuses an option that it does not have',
    async (name) => {
      const { code, errors } = await script(name, ['--nonsense']);
      expect(code).toBeGreaterThan(0);
      expect(errors).toMatch(
        new RegExp(`^${name}: Unknown option '--nonsense'.*\\(see \\./scripts/${name} --help\\)\n$`),
      );
    },
  );
});

describe('status', () => {
  it('shows that all is well, since when, and how far the installation is', async () => {
    const { code, output } = await run('status', '--json', '--phases', '--model', 'demo');
    const { installation, parts, phases } = JSON.parse(output);
    expect(installation).toBe('processes');
    expect(parts).toMatchObject([
      { part: 'LiteLLM', state: 'ready' },
      { part: 'hook-service', state: 'ready' },
      { part: 'config', state: 'ready' },
      { part: 'Redis', state: 'ready' },
      { part: 'MCP notes', state: 'ready', detail: '1 tool' },
    ]);
    for (const { since } of parts) expect(Date.parse(since)).toBeLessThanOrEqual(Date.now());
    expect(phases).toMatchObject([
      { phase: 'installed', result: 'done' },
      { phase: 'configured', result: 'done' },
      { phase: 'doctor' },
      { phase: 'tool round trip', result: 'done', detail: 'notes__look_up was called' },
    ]);
    expect(code).toBe(phases[2].result === 'done' ? 0 : 1);
  });

  it('shows which servers LiteLLM has registered, with the state of their sessions', async () => {
    const { output } = await run('status', '--json', '--registered');
    expect(JSON.parse(output).registered).toEqual([
      { server: 'notes', alias: expect.any(String), transport: 'http', state: 'ready' },
    ]);
  });

  it('does not call the round trip done where the model calls no tool', async () => {
    stack.model.answerWith(() => ({ text: 'No.' }));
    const { code, output } = await run('status', '--json', '--phases', '--model', 'demo');
    expect(JSON.parse(output).phases[3]).toMatchObject({
      result: 'failed',
      detail: 'the model called no tool',
    });
    expect(code).toBe(1);
  });

  it('names a lost server with its reason', async () => {
    await notes.down();
    await waitUntil(async () => (await run('status')).code === 1, { timeoutMs: 60_000, what: 'The loss' });
    const { output } = await run('status');
    expect(output).toMatch(/^MCP notes .*(reconnecting|failed|degraded) .*\S$/m);
    await notes.up();
    await waitUntil(async () => (await run('status')).code === 0, { timeoutMs: 60_000, what: 'Its return' });
  });
});

describe('logs', () => {
  it('shows the last lines of one part without secrets, and follows', async () => {
    const log = join(stack.dir, 'hook-service.log');
    appendFileSync(log, `{"message":"a line with ${secret}"}\n`);
    const last = await run('logs', 'hook-service', '--tail', '1');
    expect(last).toMatchObject({ code: 0, output: '{"message":"a line with ***"}\n' });
    expect((await run('logs', '--tail', '1')).output).toMatch(
      /^redis \| .*\nhook-service \| .*\nlitellm \| .*\n$/,
    );

    const child = spawn(process.execPath, [
      join(root, 'scripts/dist/logs.js'),
      'hook-service',
      '--tail',
      '0',
      '--follow',
      '--run',
      detached.runFile,
    ]);
    let seen = '';
    child.stdout.on('data', (data: Buffer) => (seen += data.toString()));
    const arrives = async (): Promise<boolean> => {
      appendFileSync(log, `{"message":"ticking ${secret}"}\n`);
      return seen.includes('ticking ***');
    };
    await waitUntil(arrives, { timeoutMs: 30_000, what: 'The line' });
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
    expect(seen).not.toContain(secret);
  });
});

describe('ports', () => {
  it('names who has a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const taken = await script('ports', ['--port', `${port}`]);
    expect(taken.code).toBe(1);
    expect(taken.output).toMatch(new RegExp(`${port} +asked for +TAKEN by .*\\(pid ${process.pid}\\)`));
    await new Promise((resolve) => server.close(resolve));
    expect(await script('ports', ['--port', `${port}`])).toMatchObject({ code: 0 });
  });

  it('lists LiteLLM’s 4000 and a port for every server of mcp/', async () => {
    const { ports } = JSON.parse((await script('ports', ['--json'])).output);
    const listed = ports.map(({ port }: { port: number }) => port);
    expect(listed).toEqual(expect.arrayContaining([4000, 48001, 48010, 48379, 48900]));
    expect(new Set(listed).size).toBe(listed.length);
    for (const port of listed) expect(port === 4000 || (port > 48000 && port < 49000)).toBe(true);
  });
});

describe('apply', () => {
  const config = () => join(stack.dir, 'config.yaml');
  const next = () => join(stack.dir, 'next.yaml');

  it('keeps out a config in which the doctor finds errors', async () => {
    const before = readFileSync(config(), 'utf8');
    writeFileSync(next(), before.replace('transport: http', 'transport: carrier_pigeon'));
    const { code, errors } = await run('apply', next());
    expect({ code, errors }).toEqual({
      code: 1,
      errors: expect.stringContaining('has errors (above): nothing was changed.'),
    });
    expect(readFileSync(config(), 'utf8')).toBe(before);
    writeFileSync(next(), 'a: [');
    expect(await run('apply', next())).toMatchObject({
      code: 1,
      errors: expect.stringContaining('is not valid YAML'),
    });
  });

  it('goes back where a part that was well is not', async () => {
    const before = readFileSync(config(), 'utf8');
    writeFileSync(next(), before.replace(notes.url, 'http://127.0.0.1:9/mcp'));
    const { code, errors } = await run('apply', next());
    expect({ code, errors }).toEqual({
      code: 1,
      errors: expect.stringMatching(/MCP notes is .* is as before, and the stack runs with it\./),
    });
    expect(readFileSync(config(), 'utf8')).toBe(before);
    await waitUntil(async () => (await run('status')).code === 0, { timeoutMs: 60_000, what: 'The stack' });
  });

  it('brings a new config into use and keeps the old one', async () => {
    const before = readFileSync(config(), 'utf8');
    writeFileSync(next(), before.replace('  notes:\n', '  books:\n'));
    const { code, output } = await run('apply', next());
    expect(code).toBe(0);
    expect(output).toContain('+  books:');
    const kept = readdirSync(stack.dir).filter((name) => name.startsWith('config.yaml.before-'));
    expect(kept.map((name) => readFileSync(join(stack.dir, name), 'utf8'))).toContain(before);
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ id: 'call_1', name: 'books__look_up', arguments: {} }] }
        : { text: `Read: ${lastResults(request).join()}` },
    );
    expect(await turn()).toBe('Read: It is medlar.');
    expect((await run('apply', next())).output).toContain('nothing to do');
    expect(existsSync(next())).toBe(true);
  });
});
