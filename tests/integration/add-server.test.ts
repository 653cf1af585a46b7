/** `./scripts/add-server`: into a real config, and a new server of one's own that builds, passes its test and serves. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { root } from '../../scripts/src/paths';
import { freePort, startProcess, waitForHttp } from '../../scripts/src/processes';
import { interpolate } from '../support/compose';
import { script } from '../support/operate';

jest.setTimeout(180_000);
const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-add-'));
const config = join(dir, 'config.yaml');
const original = readFileSync(join(root, 'compose/config.yaml'), 'utf8');
const add = (...args: string[]) => script('add-server', ['--config', config, ...args]);
const servers = (): Record<string, any> => parse(readFileSync(config, 'utf8')).mcp_servers ?? {};

beforeEach(() => writeFileSync(config, original, { mode: 0o640 }));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('adds a server with a token by name only, keeps comments and mode, and ends with the doctor', async () => {
  const { code, output } = await add(
    '--name',
    'mine',
    '--url',
    'http://mcp-mine:8000/mcp',
    '--token',
    'MCP_MINE_TOKEN',
    '--yes',
  );
  expect(output).toContain('+  mine:');
  expect(servers()).toEqual({
    mine: {
      transport: 'http',
      url: 'http://mcp-mine:8000/mcp',
      auth_type: 'bearer_token',
      auth_value: 'os.environ/MCP_MINE_TOKEN',
    },
  });
  const comments = (text: string) => text.split('\n').filter((line) => line.includes('#'));
  expect(comments(readFileSync(config, 'utf8'))).toEqual(comments(original));
  expect(statSync(config).mode & 0o777).toBe(0o640);
  expect(readFileSync(`${config}.before-mine`, 'utf8')).toBe(original);
  // The doctor speaks last, before what is to be done next.
  expect(output).toMatch(
    /\n(ok|\d+ |.*: )[^\n]*(found|error|warning|note)[^\n]*\n\nStart LiteLLM and hook-service again/,
  );
  expect(code).toBe(0);
  const again = await add('--name', 'mine', '--url', 'http://mcp-mine:8000/mcp', '--yes');
  expect(again).toMatchObject({ code: 1, errors: expect.stringContaining('has mine already') });
});

it('takes the entry of a folder of mcp/, and says nothing was changed where nobody says yes', async () => {
  const asked = await add('--folder', join(root, 'mcp/fetch'));
  expect(asked).toMatchObject({ code: 2, output: expect.stringContaining('Say yes with --yes') });
  expect(readFileSync(config, 'utf8')).toBe(original);
  expect((await add('--folder', join(root, 'mcp/fetch'), '--yes')).code).toBe(0);
  expect(servers()).toEqual(parse(readFileSync(join(root, 'mcp/fetch/config.yaml'), 'utf8')).mcp_servers);
});

it('adds a program', async () => {
  await add('--name', 'files', '--alias', 'fs', '--command', 'node server.js /data', '--yes');
  expect(servers()).toEqual({
    files: { alias: 'fs', transport: 'stdio', command: 'node', args: ['server.js', '/data'] },
  });
});

it.each([
  [['--name', 'my-server', '--url', 'http://x/mcp'], 'without a dash'],
  [['--name', 'mine'], '--url is missing'],
  [['--name', 'mine', '--url', 'x'], 'must be an address'],
  [['--name', 'mine', '--url', 'http://x/mcp', '--token', 'a-token-itself'], 'is the name of a variable'],
  [['--name', 'mine', '--url', 'http://x/mcp', '--transport', 'pigeon'], 'must be one of http, sse, stdio'],
  [['--new-own', 'Bad Name'], 'small letters, digits and single dashes'],
])('refuses %j and changes nothing', async (args, message) => {
  const { code, errors } = await add(...args, '--yes');
  expect([code, errors]).toEqual([1, expect.stringContaining(message)]);
  expect(errors).not.toContain('a-token-itself');
  expect(readFileSync(config, 'utf8')).toBe(original);
});

it('makes a server of one’s own that builds, passes its test, serves and is well', async () => {
  const mcp = join(dir, 'checkout/mcp');
  mkdirSync(mcp, { recursive: true });
  cpSync(join(root, 'mcp/kit'), join(mcp, 'kit'), { recursive: true });
  cpSync(join(root, 'mcp/tsconfig.json'), join(mcp, 'tsconfig.json'));
  cpSync(join(root, 'tsconfig.base.json'), join(dir, 'checkout/tsconfig.base.json'));
  const stack = join(dir, 'checkout/compose/stack.yml');
  mkdirSync(join(dir, 'checkout/compose'));
  cpSync(join(root, 'compose/stack.yml'), stack);
  symlinkSync(join(root, 'mcp/node_modules'), join(mcp, 'node_modules'));
  symlinkSync(join(root, 'node_modules'), join(dir, 'checkout/node_modules'));
  const made = await add(
    '--new-own',
    'world-clock',
    '--alias',
    'clock',
    '--description',
    'Times of the world.',
    '--mcp',
    mcp,
    '--port',
    '48077',
    '--yes',
  );
  expect(made).toMatchObject({ code: 0, errors: '' });
  expect(servers()).toEqual({
    world_clock: {
      alias: 'clock',
      description: 'Times of the world.',
      transport: 'http',
      url: 'http://mcp-world-clock:48077/mcp',
      timeout: 30,
      health_check: '/health',
    },
  });
  const service = 'mcp-world-clock';
  expect(parse(readFileSync(stack, 'utf8')).services[service]).toEqual({
    extends: { file: '../mcp/world-clock/compose.yml', service },
    profiles: ['world-clock', 'all'],
  });
  const folder = join(mcp, 'world-clock');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  // As the compose files of the other servers, but for the name and the port.
  const monitoring = readFileSync(join(root, 'mcp/monitoring/compose.yml'), 'utf8');
  const renamed = monitoring
    .replaceAll('monitoring', 'world-clock')
    .replaceAll('MONITORING', 'WORLD_CLOCK')
    .replaceAll('48004', '48077');
  expect(parse(interpolate(read('compose.yml')))).toEqual(parse(interpolate(renamed)));
  expect(read('README.md') + read('expose.yml') + read('world-clock.env.example')).not.toContain('{{');

  // tsc prints what it does not like to its standard output.
  const built = await run(join(root, 'node_modules/.bin/tsc'), ['-p', mcp, '--composite', 'false'], {
    cwd: mcp,
  }).catch((error: { stdout: string }) => error);
  expect(built.stdout).toBe('');
  const jestConfig = JSON.stringify({
    rootDir: folder,
    cacheDirectory: join(folder, '.cache'),
    testEnvironment: 'node',
    transform: {
      '^.+\\.ts$': [
        join(root, 'node_modules/@swc/jest'),
        { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } },
      ],
    },
  });
  const tested = await run(join(root, 'node_modules/.bin/jest'), ['--config', jestConfig], { cwd: folder });
  expect(tested.stderr).toContain('2 passed, 2 total');

  const port = await freePort();
  const server = await startProcess({
    name: 'world-clock',
    command: process.execPath,
    args: [join(mcp, 'dist/world-clock/src/main.js')],
    env: { PATH: process.env['PATH'], MCP_PORT: `${port}` },
    logFile: join(dir, 'server.log'),
  });
  const client = new Client({ name: 'test', version: '1' });
  try {
    await waitForHttp(`http://127.0.0.1:${port}/health`, { timeoutMs: 30_000, process: server });
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`)));
    const result = await client.callTool({ name: 'world_clock_time', arguments: { zone: 'Asia/Tokyo' } });
    expect(JSON.stringify(result.content)).toMatch(/Asia\/Tokyo.*\d\d:\d\d:\d\d/);
  } finally {
    await client.close();
    await server.stop();
  }
  expect(await add('--new-own', 'world-clock', '--mcp', mcp, '--yes')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('exists already'),
  });
});
