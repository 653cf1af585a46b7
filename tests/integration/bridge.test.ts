/** `toolturn bridge` as people start it, before real stdio servers, asked by the clients there are. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stillAlive } from '../../scripts/src/process-table';
import { freePort, waitUntil } from '../../scripts/src/processes';
import { venvDir } from '../../scripts/src/paths';
import { everything, filesystem, fixture, root, startBridge, type RunningBridge } from '../support/bridge';

jest.setTimeout(90_000);
const modern = createRequire(join(root, 'hook-service', 'package.json'))('@modelcontextprotocol/client');
const modernServer = ['node', join(root, 'tests', 'support', 'mcp', 'modern-stdio-server.mjs')];
const run = promisify(execFile);

let bridge: RunningBridge | undefined;
const clients: { close(): Promise<void> }[] = [];
let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'toolturn-bridge-'))));
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close().catch(() => undefined);
  await bridge?.stop();
  bridge = undefined;
  rmSync(dir, { recursive: true });
});

async function start(...args: Parameters<typeof startBridge>): Promise<RunningBridge> {
  return (bridge = await startBridge(...args));
}

/** The SDK's client of version 1 on streamable HTTP. */
async function connect(url: string, options: { capabilities?: object } = {}) {
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url));
  const client = new Client({ name: 'test', version: '1.0.0' }, options);
  await client.connect(transport);
  const handle = Object.assign(client, { leave: () => transport.terminateSession() });
  clients.push(client);
  return handle;
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const result: any = await client.callTool({ name, arguments: args });
  return result.content[0].text;
}

/** One POST, without a client of any kind in between. */
function post(
  url: string,
  body: string | object,
  headers: Record<string, string | string[]> = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    request.once('error', reject);
    request.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const hello = {
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };

async function session(url: string): Promise<Record<string, string>> {
  const { headers } = await post(`${url}/mcp`, hello);
  const own = { 'mcp-session-id': String(headers['mcp-session-id']) };
  expect((await post(`${url}/mcp`, initialized, own)).status).toBe(202);
  return own;
}

describe.each([['--per-session'], ['--shared']])('a bridge that is %s', (mode) => {
  test('serves clients of streamable HTTP and SSE, in TypeScript and Python', async () => {
    const { url } = await start([mode], everything);
    const client = await connect(url);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('get-sum');
    expect(await call(client, 'get-sum', { a: 2, b: 40 })).toContain('42');

    const old = new Client({ name: 'old', version: '1.0.0' });
    await old.connect(new SSEClientTransport(new URL('/sse', url)));
    clients.push(old);
    expect(await call(old, 'echo', { message: 'over SSE' })).toContain('over SSE');

    const newer = new modern.Client(
      { name: 'newer', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' } },
    );
    await newer.connect(new modern.StreamableHTTPClientTransport(new URL('/mcp', url)));
    clients.push(newer);
    expect(newer.getProtocolEra()).toBe('legacy');
    expect((await newer.callTool({ name: 'echo', arguments: { message: 'v2' } })).content[0].text).toContain(
      'v2',
    );

    for (const [transport, path] of [
      ['http', '/mcp'],
      ['sse', '/sse'],
    ] as const) {
      const script = join(root, 'tests', 'support', 'python', 'mcp_transports.py');
      const args = [script, transport, url + path, 'echo', '{"message": "from Python"}'];
      const { stdout } = await run(join(venvDir(), 'bin', 'python'), args);
      const seen = JSON.parse(stdout);
      expect(seen.tools).toContain('echo');
      expect(seen.text).toContain('from Python');
    }
  });

  test('fails a call at once when the server crashes in it, and the next call of the session works', async () => {
    const { url } = await start([mode], fixture('normal'));
    const client = await connect(url);
    await expect(client.callTool({ name: 'crash', arguments: {} })).rejects.toThrow('exit code 7');
    expect(await call(client, 'greet')).toBe('hello');
  });

  test('passes over junk on stdout, and counts it', async () => {
    const { url, health } = await start([mode], fixture('junk'));
    const client = await connect(url);
    expect(await call(client, 'greet')).toBe('hello');
    expect((await health()).body.junk_lines).toBeGreaterThan(2);
    expect(bridge?.logged()).toContain('junk on stderr');
  });

  test('gives an error in place of an answer that is broken, without a word of it', async () => {
    const { url } = await start([mode], fixture('normal'));
    const client = await connect(url);
    const error: Error = await call(client, 'garble').catch((reason) => reason);
    expect(error.message).toContain('broken answer');
    expect(error.message).not.toContain('raw-secret');
    expect(await call(client, 'greet')).toBe('hello');
  });

  test('answers 503 with the reason where the command does not exist, and lives on', async () => {
    const { url, health } = await start([mode], ['no-such-command-here'], { status: 503 });
    expect((await health()).body).toMatchObject({
      status: 'unavailable',
      child: { state: 'failed', reason: 'Command not found: no-such-command-here' },
    });
    const { status, text } = await post(`${url}/mcp`, hello);
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      id: 'first',
      error: { message: expect.stringContaining('not found') },
    });
    expect((await fetch(`${url}/sse`)).status).toBe(503);
    expect(bridge?.running).toBe(true);
  });

  test('says 503 for a server that does not answer its handshake, and leaves no process behind', async () => {
    const { url, health } = await start([mode, '--start-timeout', '300ms'], fixture('hang'), { status: 503 });
    expect((await health()).body.child.reason).toContain('did not answer initialize');
    const { status, text } = await post(`${url}/mcp`, hello);
    expect(status).toBe(503);
    expect(text).toContain('did not answer initialize');
  });

  test('keeps the ids of many clients apart that all use the same ones', async () => {
    const { url } = await start([mode, '--max-sessions', '12'], everything);
    const sessions = await Promise.all(Array.from({ length: 6 }, () => session(url)));
    const answers = await Promise.all(
      sessions.flatMap((own, at) =>
        [1, 'one'].map((id) => {
          const params = { name: 'echo', arguments: { message: `${at} ${id}` } };
          return post(`${url}/mcp`, { jsonrpc: '2.0', id, method: 'tools/call', params }, own);
        }),
      ),
    );
    const seen = answers.map(({ text }) => finalMessage(text));
    expect(seen.map(({ id }) => id)).toEqual(sessions.flatMap(() => [1, 'one']));
    expect(seen.map(({ result }) => result.content[0].text)).toEqual(
      sessions.flatMap((_, at) => [`Echo: ${at} 1`, `Echo: ${at} one`]),
    );
  });

  test('passes progress to its own call, and a cancellation to the server', async () => {
    const { url } = await start([mode], fixture('normal'));
    const [one, other] = [await connect(url), await connect(url)];
    const heard: string[] = [];
    const stop = new AbortController();
    const waits = [one, other].map((client, at) =>
      client.callTool({ name: 'wait', arguments: {} }, undefined, {
        signal: stop.signal,
        onprogress: ({ progress }) => {
          heard.push(`${at}: ${progress}`);
          if (heard.length === 2) stop.abort('enough');
        },
      }),
    );
    await Promise.allSettled(waits);
    expect(heard.sort()).toEqual(['0: 1', '1: 1']);
    const cancelled = async () => bridge?.logged().match(/the call was cancelled/g)?.length === 2;
    await waitUntil(cancelled, { timeoutMs: 10_000, what: 'the cancellation of both calls' });
    expect(await call(one, 'greet')).toBe('hello');
  });

  test('ends every process when it is told to stop, also one that ignores SIGTERM', async () => {
    const { url, pid, startTime, children, hasChildren } = await start([mode], fixture('stubborn'));
    const client = await connect(url);
    expect(await call(client, 'fork')).toMatch(/^\d+$/);
    const family = children();
    expect(family.length).toBeGreaterThanOrEqual(2);
    process.kill(pid, 'SIGTERM');
    await bridge?.exited;
    await hasChildren(0);
    expect(stillAlive([...family, { pid, startTime }])).toEqual([]);
  });
});

describe('one process per session', () => {
  test('gives each client a process of its own, which ends with DELETE', async () => {
    const { url, hasChildren } = await start([], fixture('normal'));
    const [one, other] = [await connect(url), await connect(url)];
    expect(await call(one, 'pid')).not.toBe(await call(other, 'pid'));
    await one.leave();
    await hasChildren(1);
    expect(await call(other, 'greet')).toBe('hello');
    await expect(call(one, 'greet')).rejects.toThrow();
  });

  test('leaves no process of fifty sessions that were opened and dropped', async () => {
    const { url, hasChildren, health } = await start(
      ['--idle', '1s', '--max-sessions', '50'],
      fixture('normal'),
    );
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 5 }, () => post(`${url}/mcp`, hello)));
    }
    await hasChildren(0);
    const { body } = await health();
    expect(body).toMatchObject({ sessions: { open: 0 }, processes: { running: 0, started: 51 } });
  });

  test('ends the process of an SSE client that has gone', async () => {
    const { url, hasChildren } = await start([], fixture('normal'));
    const client = new Client({ name: 'old', version: '1.0.0' });
    await client.connect(new SSEClientTransport(new URL('/sse', url)));
    expect(await call(client, 'greet')).toBe('hello');
    await hasChildren(1);
    await client.close();
    await hasChildren(0);
  });

  test('refuses a session too many with 503 and takes one again when another has ended', async () => {
    const { url } = await start(['--max-sessions', '1'], fixture('normal'));
    const client = await connect(url);
    expect((await post(`${url}/mcp`, hello)).status).toBe(503);
    await client.leave();
    expect((await post(`${url}/mcp`, hello)).status).toBe(200);
  });

  test('passes what the server asks of the client, and its answer', async () => {
    const { url } = await start([], fixture('normal'));
    const client = await connect(url, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }));
    expect(await call(client, 'ask')).toBe('You are Ada');
  });

  test('waits for a server that is slow to start', async () => {
    const gate = join(dir, 'gate');
    writeFileSync(gate, '');
    const { url } = await start([], fixture('slow', join(dir, 'starts'), gate));
    rmSync(gate);
    const connecting = connect(url);
    await bridge?.hasChildren(1);
    writeFileSync(gate, '');
    expect(await call(await connecting, 'greet')).toBe('hello');
  });
});

describe('one process for all sessions', () => {
  test('is used by all, and refuses what the server would ask of one client', async () => {
    const { url, children } = await start(['--shared'], fixture('normal'));
    const [one, other] = [
      await connect(url, { capabilities: { elicitation: {} } }),
      await connect(url, { capabilities: { elicitation: {} } }),
    ];
    expect(await call(one, 'pid')).toBe(await call(other, 'pid'));
    expect(children()).toHaveLength(1);
    const asked = await one.callTool({ name: 'ask', arguments: {} });
    expect(asked.isError).toBe(true);
  });

  test('sends a log message to all that want its level', async () => {
    const { url } = await start(['--shared'], fixture('normal'));
    const [one, other] = [await connect(url), await connect(url)];
    const heard: string[] = [];
    for (const [name, client] of Object.entries({ one, other })) {
      client.setNotificationHandler(LoggingMessageNotificationSchema, () => void heard.push(name));
    }
    await other.setLoggingLevel('error');
    await one.setLoggingLevel('debug');
    await call(other, 'say');
    await waitUntil(async () => heard.length > 0, { timeoutMs: 5_000, what: 'the log message' });
    await call(one, 'greet');
    expect(heard).toEqual(['one']);
  });

  test('answers the handshake in the revision that the client asks for', async () => {
    const { url } = await start(['--shared'], everything);
    const { text } = await post(`${url}/mcp`, {
      ...hello,
      params: { ...hello.params, protocolVersion: '2024-11-05' },
    });
    expect(JSON.parse(text).result.protocolVersion).toBe('2024-11-05');
  });

  test('is started again after a crash without a call that needs it', async () => {
    const { url, health } = await start(['--shared'], fixture('normal'));
    const client = await connect(url);
    await call(client, 'crash').catch(() => undefined);
    const back = async () => (await health()).body.processes.started === 2 && (await health()).status === 200;
    await waitUntil(back, { timeoutMs: 10_000, what: 'the second process' });
  });
});

describe('a server of 2026-07-28', () => {
  test('serves requests without a session, and old clients beside them', async () => {
    const { url, health } = await start([], modernServer);
    const client = new modern.Client(
      { name: 'modern', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' } },
    );
    await client.connect(new modern.StreamableHTTPClientTransport(new URL('/mcp', url)));
    clients.push(client);
    expect(client.getProtocolEra()).toBe('modern');
    expect((await client.listTools()).tools).toHaveLength(2);
    expect((await client.callTool({ name: 'greet', arguments: {} })).content[0].text).toBe('hello');
    expect((await health()).body.sessions.open).toBe(0);
    const old = await connect(url);
    expect(await call(old, 'pid')).not.toBe(
      (await client.callTool({ name: 'pid', arguments: {} })).content[0].text,
    );
  });

  test('refuses a request whose header names another method than its body', async () => {
    const { url } = await start([], modernServer);
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const request = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: meta } };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
    const refused = await post(`${url}/mcp`, request, headers);
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({ id: 1, error: { code: -32020 } });
    const right = await post(`${url}/mcp`, request, { ...headers, 'mcp-method': 'tools/list' });
    expect(JSON.parse(right.text).result.tools).toHaveLength(2);
  });
});

describe('the front of a bridge', () => {
  test('refuses what is no JSON-RPC with the codes of JSON-RPC', async () => {
    const { url } = await start([], fixture('normal'));
    const own = await session(url);
    const broken = await post(`${url}/mcp`, '{"jsonrpc": ', own);
    expect(broken.status).toBe(400);
    expect(JSON.parse(broken.text)).toMatchObject({ id: null, error: { code: -32700 } });
    const odd = await post(`${url}/mcp`, { hello: 1 }, own);
    expect(JSON.parse(odd.text)).toMatchObject({ error: { code: -32600 } });
    expect((await post(`${url}/mcp`, `"${'x'.repeat(17 * 1024 * 1024)}"`, own)).status).toBe(413);
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect((await post(`${url}/mcp`, ping)).status).toBe(400);
    expect((await post(`${url}/mcp`, ping, { 'mcp-session-id': 'unknown' })).status).toBe(404);
    // As LiteLLM 1.77.3 sends it.
    const twice = { ...own, 'mcp-protocol-version': ['2025-06-18', '2025-06-18'] };
    expect(JSON.parse((await post(`${url}/mcp`, ping, twice)).text)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });

  test('answers a batch with one list, in JSON to whoever wants no stream', async () => {
    const { url } = await start([], fixture('normal'));
    const own = { ...(await session(url)), accept: 'application/json' };
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'greet', arguments: {} } },
    ];
    const { text } = await post(`${url}/mcp`, batch, own);
    expect(
      JSON.parse(text)
        .map(({ id }: { id: number }) => id)
        .sort(),
    ).toEqual([1, 2]);
  });

  test('refuses a Host that a stranger could own and a foreign Origin, and takes what is allowed', async () => {
    const { url, port } = await start(['--allowed-host', 'tools.example.org'], fixture('normal'));
    const status = async (headers: Record<string, string>) =>
      (await post(`${url}/mcp`, hello, headers)).status;
    expect(await status({ host: `evil.example.com:${port}` })).toBe(403);
    expect(await status({ origin: 'http://evil.example.com' })).toBe(403);
    expect(await status({ origin: 'null' })).toBe(403);
    expect(await status({ host: 'tools.example.org', origin: 'https://tools.example.org' })).toBe(200);
    expect(await status({ host: `mcp-files:${port}` })).toBe(200);
    expect(await status({ host: '[::1]:48001', origin: 'http://localhost:6274' })).toBe(200);
  });

  test('wants its token everywhere but at /health, and says it nowhere', async () => {
    const token = 'only-for-friends-4711';
    const { url, health } = await start([], fixture('env'), { env: { TOOLTURN_BRIDGE_TOKEN: token } });
    expect((await post(`${url}/mcp`, hello)).status).toBe(401);
    expect((await fetch(`${url}/sse`)).status).toBe(401);
    expect((await post(`${url}/mcp`, hello, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(JSON.stringify(await health())).not.toContain(token);
    expect(bridge?.logged()).not.toContain(token);
  });

  test('gives the server the declared environment only, and keeps it out of log and health', async () => {
    const env = { PASSED_ON: 'passed-secret-0815', KEPT_BACK: 'kept-secret' };
    const { url, health } = await start(['--env', 'PASSED_ON'], fixture('normal'), { env });
    const seen = JSON.parse(await call(await connect(url), 'env'));
    expect(seen).toMatchObject({ PASSED_ON: env.PASSED_ON, PATH: process.env['PATH'] });
    expect(seen).not.toHaveProperty('KEPT_BACK');
    expect(JSON.stringify(await health()) + bridge?.logged()).not.toContain(env.PASSED_ON);
  });

  test('takes arguments as they are, without a shell', async () => {
    const marker = join(dir, 'made by a shell');
    const { url } = await start([], [...filesystem, dir, `$(touch "${marker}")`, `; touch "${marker}"`]);
    const text = await call(await connect(url), 'list_directory', { path: dir });
    expect(text).not.toContain('made by a shell');
  });

  test('resumes a stream after the last event that the client has got', async () => {
    const { url } = await start([], fixture('normal'));
    const own = await session(url);
    const headers = { ...own, accept: 'text/event-stream' };
    const first = await fetch(`${url}/mcp`, { headers });
    const say = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'say', arguments: {} } };
    await post(`${url}/mcp`, say, own);
    const [event = ''] = await eventsOf(first, 1);
    expect(event).toContain('notifications/message');
    const id = /^id: (\d+)-(\d+)$/m.exec(event);
    const again = await fetch(`${url}/mcp`, { headers: { ...headers, 'last-event-id': `${id?.[1]}-0` } });
    expect((await eventsOf(again, 1))[0]).toBe(event);
  });

  test('names what is wrong with its command line', async () => {
    const main = join(root, 'hook-service', 'dist', 'main.js');
    const fails = async (...args: string[]): Promise<string> =>
      run(process.execPath, [main, 'bridge', ...args]).then(
        () => 'it started',
        ({ code, stderr }: { code: number; stderr: string }) => `${code} ${stderr}`,
      );
    expect(await fails('--port', '99999', '--', 'x')).toContain('0 to 65535');
    expect(await fails('--idle', 'soon', '--', 'x')).toContain('500ms, 90s, 10m or 2h');
    expect(await fails('--env', 'NOT_SET_ANYWHERE', '--', 'x')).toContain('NOT_SET_ANYWHERE');
    expect(await fails()).toMatch(/^2 .*command/s);
    const taken = await start([], fixture('normal'), { port: await freePort() });
    expect(await fails('--port', `${taken.port}`, '--', 'x')).toContain(`port ${taken.port} is in use`);
  });
});

/** Reads so many events of a stream, then leaves it. */
async function eventsOf(response: Response, count: number): Promise<string[]> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (text.split('\n\n').length <= count) {
    const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text.split('\n\n').slice(0, count);
}

/** The answer in a body: what takes long comes as an event stream, in which other messages may stand before it. */
function finalMessage(text: string): any {
  const messages = text.startsWith('{')
    ? [text]
    : [...text.matchAll(/^data: (.+)$/gm)].map((found) => found[1]);
  return messages.map((each) => JSON.parse(each ?? '')).find((each) => 'result' in each);
}
