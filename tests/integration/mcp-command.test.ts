/** `toolturn mcp` as an MCP client starts it, before streamable HTTP servers that come and go. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { minimalEnv } from '../../scripts/src/environment';
import { venvDir } from '../../scripts/src/paths';
import { freePort, waitUntil } from '../../scripts/src/processes';
import { everything, root, startBridge, toolturn, type RunningBridge } from '../support/bridge';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';

jest.setTimeout(90_000);
const key = 'sk-test-carol-0815';
const hello = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const clients: Client[] = [];
let fixture: HttpFixture | undefined;
let bridge: RunningBridge | undefined;
let server: Server | undefined;

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await fixture?.stop();
  await bridge?.stop();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  [fixture, bridge, server] = [undefined, undefined, undefined];
});

/** A far side that lets only our key in. */
async function startFarSide(): Promise<HttpFixture> {
  fixture = await startHttpFixture({
    tools: [
      { name: 'greet', handler: () => ({ content: [{ type: 'text', text: 'hello' }] }) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
      { name: 'hang', handler: () => new Promise(() => undefined) },
    ],
    intercept: (request, response) => {
      if (request.headers.authorization === `Bearer ${key}`) return false;
      response.writeHead(401).end('{"detail": "no"}');
      return true;
    },
  });
  return fixture;
}

/** Starts the command as a client does. */
async function connect(env: Record<string, string>, args: string[] = []) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [toolturn, 'mcp', ...args],
    env: minimalEnv({ LITELLM_API_KEY: key, ...env }),
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const client = new Client({ name: 'test', version: '1.0.0' });
  clients.push(client);
  await client.connect(transport);
  return Object.assign(client, { stderr: () => stderr });
}

async function greet(client: Client): Promise<string> {
  const result: any = await client.callTool({ name: 'greet', arguments: {} });
  return result.content[0].text;
}

/** Runs the command with these lines on stdin to its end. */
async function talk(env: Record<string, string>, lines: string[], args: string[] = []) {
  const child = spawn(process.execPath, [toolturn, 'mcp', ...args], { env: minimalEnv(env) });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  for (const line of lines) child.stdin.write(`${line}\n`);
  // A client closes its side when it has what it asked for.
  const answered = async () => child.exitCode !== null || stdout.split('\n').length > lines.length;
  await waitUntil(answered, { timeoutMs: 30_000, what: 'an answer to each line' });
  child.stdin.end();
  if (child.exitCode === null) await once(child, 'exit');
  return { code: child.exitCode, stdout, stderr };
}

test('lists and calls what is behind streamable HTTP, with errors as they are', async () => {
  const { url } = await startFarSide();
  const client = await connect({ TOOLTURN_MCP_URL: url });
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['greet', 'broken', 'hang']);
  expect(await greet(client)).toBe('hello');
  expect(await client.callTool({ name: 'broken', arguments: {} })).toEqual({
    isError: true,
    content: [{ type: 'text', text: 'The disk is full.' }],
  });
  await expect(client.request({ method: 'no/such' }, {} as never)).rejects.toThrow('Method not found');
});

test('makes one new session when the far side has forgotten it, and no call fails', async () => {
  const far = await startFarSide();
  const client = await connect({ TOOLTURN_MCP_URL: far.url });
  expect(await greet(client)).toBe('hello');
  far.forgetSessions();
  const answers = await Promise.all(Array.from({ length: 20 }, () => greet(client)));
  expect(new Set(answers)).toEqual(new Set(['hello']));
  expect(far.counts['initialize']).toBe(2);
});

test('fails only the call in flight when the far side is restarted, and the next one waits for it', async () => {
  const far = await startFarSide();
  const client = await connect({ TOOLTURN_MCP_URL: far.url });
  const inFlight = client.callTool({ name: 'hang', arguments: {} });
  const arrived = async () => far.calls.length === 1;
  await waitUntil(arrived, { timeoutMs: 5_000, what: 'the call at the far side' });
  await far.down();
  await expect(inFlight).rejects.toThrow('not known whether it ran');
  const next = greet(client);
  await far.up();
  expect(await next).toBe('hello');
  expect(far.calls.map(({ name }) => name)).toEqual(['hang', 'greet']);
});

test('passes on that the tools changed', async () => {
  const far = await startFarSide();
  const client = await connect({ TOOLTURN_MCP_URL: far.url });
  let changed = false;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changed = true));
  // The stream for such news is opened after the handshake.
  const heard = async () => {
    await far.notifyToolsChanged();
    return changed;
  };
  await waitUntil(heard, { timeoutMs: 10_000, what: 'the notification' });
});

test('ends its session, and itself, when the client closes stdin', async () => {
  const far = await startFarSide();
  const client = await connect({ TOOLTURN_MCP_URL: far.url });
  expect(await greet(client)).toBe('hello');
  expect(far.sessionCount()).toBe(1);
  await client.close();
  await waitUntil(async () => far.sessionCount() === 0, { timeoutMs: 5_000, what: 'the end of the session' });
});

test('writes nothing but JSON-RPC to stdout, and answers what is none with a parse error', async () => {
  const { url } = await startFarSide();
  const env = { TOOLTURN_MCP_URL: url, LITELLM_API_KEY: key };
  const { code, stdout, stderr } = await talk(env, ['not json', JSON.stringify(hello)]);
  const [first, second] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(first).toMatchObject({ id: null, error: { code: -32700 } });
  expect(second).toMatchObject({ id: 1, result: { serverInfo: { name: 'fixture' } } });
  expect([code, stderr]).toEqual([0, '']);
});

test('serves a client on stdio in Python', async () => {
  bridge = await startBridge(['--shared'], everything, { env: { TOOLTURN_BRIDGE_TOKEN: key } });
  const script = join(root, 'tests', 'support', 'python', 'mcp_transports.py');
  const env = { ...process.env, TOOLTURN_MCP_URL: `${bridge.url}/mcp`, LITELLM_API_KEY: key };
  const args = [script, 'stdio', `${process.execPath} ${toolturn} mcp`, 'echo', '{"message": "from Python"}'];
  const { stdout } = await promisify(execFile)(join(venvDir(), 'bin', 'python'), args, { env });
  expect(JSON.parse(stdout)).toMatchObject({ text: 'Echo: from Python', isError: false });
});

test("uses LiteLLM's own /mcp/ where there is no /toolturn/mcp, for one server by its header, and says so", async () => {
  const far = await startFarSide();
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-mcp-servers']}`);
    if (request.url !== '/mcp/') {
      response.writeHead(404).end('{"detail": "Not Found"}');
      return;
    }
    const kept = ['authorization', 'accept', 'content-type', 'mcp-session-id', 'mcp-protocol-version'];
    const headers = kept.flatMap((name): [string, string][] => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      void fetch(far.url, {
        method: request.method ?? 'GET',
        headers,
        ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      })
        .then(async (answer) => {
          const id = answer.headers.get('mcp-session-id');
          const type = answer.headers.get('content-type') ?? 'text/plain';
          response.writeHead(answer.status, { 'content-type': type, ...(id && { 'mcp-session-id': id }) });
          for await (const part of answer.body ?? []) response.write(part);
          response.end();
        })
        .catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = await connect({ LITELLM_API_URL: `http://127.0.0.1:${port}/v1` }, ['--server', 'notes']);
  expect(await greet(client)).toBe('hello');
  expect(asked.slice(0, 2)).toEqual(['POST /toolturn/mcp/notes undefined', 'POST /mcp/ notes']);
  expect(client.stderr()).toMatch(/no \/toolturn\/mcp: using LiteLLM's own \/mcp\/ instead/);
});

describe('says on stderr', () => {
  test.each([
    ['that there is no address', { LITELLM_API_KEY: key }, 'LITELLM_API_URL is not set'],
    ['that there is no key', { LITELLM_API_URL: 'http://127.0.0.1:1' }, 'LITELLM_API_KEY is not set'],
    ['that the address is none', { LITELLM_API_URL: 'litellm', LITELLM_API_KEY: key }, 'must be an address'],
  ])('%s, and ends with 1', async (_name, env, message) => {
    const { code, stdout, stderr } = await talk(env, [JSON.stringify(hello)]);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([1, '']);
  });

  test('that nothing listens, that the key is refused, and that there is no MCP, and tells the client', async () => {
    const { url } = await startFarSide();
    const free = await freePort();
    server = createServer((_request, response) => response.writeHead(404).end('not here'));
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const cases = [
      [{ LITELLM_API_URL: `http://127.0.0.1:${free}`, LITELLM_API_KEY: key }, 'Connection refused'],
      [{ TOOLTURN_MCP_URL: url, LITELLM_API_KEY: 'sk-wrong-4711' }, 'refused the key (HTTP 401)'],
      [{ LITELLM_API_URL: `http://127.0.0.1:${port}`, LITELLM_API_KEY: key }, 'no MCP at'],
    ] as const;
    await Promise.all(
      cases.map(async ([env, message]) => {
        const { code, stdout, stderr } = await talk(env, [JSON.stringify(hello)]);
        expect(stderr).toContain(message);
        expect(JSON.parse(stdout)).toMatchObject({
          id: 1,
          error: { message: expect.stringContaining(message) },
        });
        expect(code).toBe(0);
        expect(stdout + stderr).not.toContain(env.LITELLM_API_KEY);
      }),
    );
  });
});
