/**
 * What the compose files start, started without containers: the same command in the same layout, with the same
 * variables, asked by the same health check. For the services whose packages are part of this checkout.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';
import { portVariable, root, serverService } from '../support/compose';
import { startLoki } from '../support/mcp/loki';
import { startNetdata } from '../support/mcp/netdata';
import { namedTools } from '../support/mcp/own-servers';

jest.setTimeout(90_000);
const run = promisify(execFile);
const ends: (() => unknown)[] = [];
let app: string;
let files: string;

beforeAll(() => {
  // As the images lay it out: /app with what is built here, and the server's packages.
  app = mkdtempSync(join(tmpdir(), 'toolturn-app-'));
  ends.push(() => rmSync(app, { recursive: true, force: true }));
  for (const part of ['hook-service', 'mcp', 'node_modules']) symlinkSync(join(root, part), join(app, part));
  mkdirSync(join(app, 'server'));
  symlinkSync(join(root, 'node_modules'), join(app, 'server', 'node_modules'));
  files = join(app, 'data');
  mkdirSync(files);
  writeFileSync(join(files, 'note.txt'), 'Kept for the test.');
});

afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** Starts a service's command; `more` is what its env file would say. */
async function startService(name: string, more: Record<string, string> = {}) {
  const port = `${await freePort()}`;
  const service = serverService(name, { [portVariable(name)]: port });
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    ...service.environment,
    ...more,
  };
  const [command = '', ...args] = service.command.map((word) => (word === '/data' ? files : word));
  const running = await startProcess({ name, command, args, env, cwd: app });
  ends.push(() => running.stop());
  return { running, service, env, port, url: `http://127.0.0.1:${port}/mcp` };
}

/** Runs the health check as docker would; resolves with its exit code. */
async function check({ service, env }: Awaited<ReturnType<typeof startService>>): Promise<number> {
  const [, command = '', ...args] = service.healthcheck.test;
  try {
    await run(command, args, { cwd: app, env, timeout: 5_000 });
    return 0;
  } catch (error) {
    return Number((error as { code?: unknown }).code ?? -1);
  }
}

const isHealthy = (started: Awaited<ReturnType<typeof startService>>, process: RunningProcess) =>
  waitUntil(async () => (await check(started)) === 0, {
    timeoutMs: 60_000,
    what: 'Its health check',
    process,
  });

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  ends.push(() => client.close());
  return client;
}

it('runs mcp-filesystem: the bridge, its folder, its check', async () => {
  const started = await startService('filesystem');
  await isHealthy(started, started.running);
  const client = await connect(started.url);
  const { content } = await client.callTool({
    name: 'read_text_file',
    arguments: { path: join(files, 'note.txt') },
  });
  expect(JSON.stringify(content)).toContain('Kept for the test.');
  const { offered, withheld } = namedTools['filesystem'] ?? { offered: [], withheld: [] };
  const { tools } = await client.listTools();
  expect(tools.map((tool) => tool.name).sort()).toEqual([...offered, ...withheld].sort());
  await started.running.stop();
  expect(await check(started)).toBe(1);
});

describe('mcp-filesystem', () => {
  let outside: string;
  let client: Client;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), 'toolturn-outside-'));
    ends.push(() => rmSync(outside, { recursive: true, force: true }));
    for (const path of [join(outside, 'secret.txt'), join(app, 'secret.txt')])
      writeFileSync(path, 'Of no concern.');
    symlinkSync(join(outside, 'secret.txt'), join(files, 'link.txt'));
    symlinkSync(outside, join(files, 'folder'));
    const started = await startService('filesystem');
    await isHealthy(started, started.running);
    client = await connect(started.url);
  });

  it.each([
    ['read_text_file', { path: '../secret.txt' }],
    ['read_text_file', { path: 'link.txt' }],
    ['read_text_file', { path: 'folder/secret.txt' }],
    ['list_directory', { path: 'folder' }],
    ['write_file', { path: 'link.txt', content: 'changed' }],
    ['move_file', { source: 'note.txt', destination: '../moved.txt' }],
  ])('refuses %s with %j, which leads out of its folder', async (tool, args) => {
    const given = Object.entries(args).map(([key, value]) => [
      key,
      key === 'content' ? value : `${files}/${value}`,
    ]);
    const result = await client.callTool({ name: tool, arguments: Object.fromEntries(given) });
    expect([result.isError, JSON.stringify(result)]).toEqual([
      true,
      expect.stringMatching(/Access denied|outside allowed directories/i),
    ]);
    expect(JSON.stringify(result)).not.toContain('Of no concern');
    expect(readFileSync(join(outside, 'secret.txt'), 'utf8')).toBe('Of no concern.');
    expect(existsSync(join(app, 'moved.txt'))).toBe(false);
  });
});

it('runs mcp-monitoring, whose check tells when Loki is away', async () => {
  const loki = await startLoki([]);
  const netdata = await startNetdata({}, []);
  ends.push(() => netdata.stop());
  const started = await startService('monitoring', { LOKI_URL: loki.url, NETDATA_URL: netdata.url });
  try {
    await isHealthy(started, started.running);
    expect((await (await connect(started.url)).listTools()).tools).toHaveLength(5);
  } finally {
    await loki.stop();
  }
  expect(await check(started)).toBe(1);
});

const nowhere = { host: '127.0.0.1', user: 'reader' };
const unreachable: readonly [string, (port: number) => Record<string, string>, string][] = [
  [
    'memory-postgres',
    (port) => ({ POSTGRES_URL: `postgres://${nowhere.user}@${nowhere.host}:${port}/x` }),
    'memory_search',
  ],
  [
    'timescaledb',
    (port) => ({ TIMESCALEDB_URL: `postgres://${nowhere.user}@${nowhere.host}:${port}/x` }),
    'tsdb_query',
  ],
  [
    'postgres-query',
    (port) => ({ PGHOST: nowhere.host, PGPORT: `${port}`, PGUSER: nowhere.user, PGPASSWORD: 'x' }),
    'postgres_query',
  ],
  ['n8n', (port) => ({ N8N_API_URL: `http://${nowhere.host}:${port}`, N8N_API_KEY: 'x' }), 'list_workflows'],
  [
    'storage',
    (port) => ({
      MINIO_ENDPOINT: `http://${nowhere.host}:${port}`,
      MINIO_ACCESS_KEY: 'a',
      MINIO_SECRET_KEY: 'b',
    }),
    'minio_list_objects',
  ],
];

it.each(unreachable)(
  'runs mcp-%s, which serves and is not healthy without its upstream',
  async (name, more, tool) => {
    const started = await startService(name, more(await freePort()));
    await waitUntil(async () => (await fetch(started.url.replace('/mcp', '/health'))).status === 503, {
      timeoutMs: 30_000,
      what: 'Its health address',
      process: started.running,
    });
    expect(await check(started)).toBe(1);
    const { tools } = await (await connect(started.url)).listTools();
    expect(tools.map((each) => each.name)).toContain(tool);
  },
);

it('refuses to start a server of ours without the variables of its env file, and names them', async () => {
  const started = await startService('storage');
  await waitUntil(async () => /MINIO_ENDPOINT is not set/.test(started.running.tail(20)), {
    timeoutMs: 15_000,
    what: 'The message',
  });
  expect(started.running.tail(20)).toContain('MINIO_SECRET_KEY is not set');
});
