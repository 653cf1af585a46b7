import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execFile } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { venvDir } from '../../scripts/src/paths';
import { waitUntil } from '../../scripts/src/processes';
import { gate } from '../support/mcp/fixture-tools';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

const everything = join(
  dirname(require.resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist',
  'index.js',
);
const whole = {
  content: [
    { type: 'text', text: 'see', annotations: { audience: ['user'] }, _meta: { part: 1 } },
    { type: 'image', data: 'aGVsbG8=', mimeType: 'image/png' },
    { type: 'hologram', data: 'x' },
  ],
  structuredContent: { answer: 42 },
  _meta: { 'example.org/trace': 'abc' },
};

let notes: HttpFixture;
let alices: HttpFixture;
const seen: string[] = [];
const hanging = gate();
let stack: Stack;

beforeAll(async () => {
  const intercept: HttpFixture['options']['intercept'] = (request) => {
    seen.push(JSON.stringify(request.headers));
    return false;
  };
  notes = await startHttpFixture({
    intercept,
    tools: [
      { name: 'look_up', description: 'Looks up', annotations: { readOnlyHint: true } },
      { name: 'whole', handler: () => whole },
      { name: 'fail', handler: () => ({ content: [{ type: 'text', text: 'no such note' }], isError: true }) },
      {
        name: 'hang',
        handler: (_args, { signal }) => {
          hanging.open();
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve('cancelled')));
        },
      },
    ],
  });
  alices = await startHttpFixture({ intercept, tools: [{ name: 'diary' }] });
  stack = await startStack({
    servers: {
      ref: { transport: 'stdio', command: process.execPath, args: [everything, 'stdio'] },
      notes: { url: notes.url, transport: 'http', description: 'Notes of everybody' },
      alices: { url: alices.url, transport: 'http', api_keys: ['sk-test-alice'] },
      away: { url: 'http://127.0.0.1:9/mcp', transport: 'http' },
    },
    toolturn: { limits: { body_bytes: 100_000 } },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await notes?.stop();
  await alices?.stop();
});

const clients: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

const key = (alias: string) => ({ authorization: `Bearer sk-test-${alias}` });

async function connect(path = '/mcp', headers: Record<string, string> = key('alice')): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  clients.push(client);
  const transport = new StreamableHTTPClientTransport(new URL(stack.hook.url + path), {
    requestInit: { headers },
  });
  await client.connect(transport);
  return client;
}

async function connectModern(path = '/mcp', alias = 'alice', options = {}): Promise<ModernClient> {
  const client = new ModernClient(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: 'auto' }, ...options },
  );
  clients.push(client);
  await client.connect(
    new ModernTransport(new URL(stack.hook.url + path), { requestInit: { headers: key(alias) } }),
  );
  return client;
}

const names = (list: { tools: { name: string }[] }): string[] => list.tools.map((tool) => tool.name);
const noteNames = ['fail', 'hang', 'look_up', 'whole'];

describe('/mcp', () => {
  it('lists the tools of all servers as the model sees them, with title, schemas and hints', async () => {
    const { tools } = await (await connect()).listTools();
    expect(tools.map((tool) => tool.name)).toEqual(
      expect.arrayContaining(['ref__echo', 'notes__look_up', 'alices__diary']),
    );
    expect(tools.find((tool) => tool.name === 'notes__look_up')).toMatchObject({
      description: 'Looks up',
      annotations: { readOnlyHint: true },
    });
    const structured = tools.find((tool) => tool.name === 'ref__get-structured-content');
    expect(structured).toMatchObject({ outputSchema: { type: 'object' }, title: expect.any(String) });
  });

  it('calls a tool of a stdio server, and a structured result passes the check of the client', async () => {
    const client = await connect();
    await client.listTools();
    expect(await client.callTool({ name: 'ref__echo', arguments: { message: 'quince' } })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: quince' }],
    });
    const weather = await client.callTool({
      name: 'ref__get-structured-content',
      arguments: { location: 'Chicago' },
    });
    expect(weather).toMatchObject({ structuredContent: { temperature: expect.any(Number) } });
  });

  it('passes a result on whole, with parts of a type that nobody knows', async () => {
    const answer = await post('/mcp', { method: 'tools/call', params: { name: 'notes__whole' } });
    expect(answer.result).toEqual(whole);
  });

  it('says isError where the tool failed, and names a tool that is not there', async () => {
    const client = await connect();
    expect(await client.callTool({ name: 'notes__fail' })).toEqual({
      content: [{ type: 'text', text: 'no such note' }],
      isError: true,
    });
    await expect(client.callTool({ name: 'notes__nothing' })).rejects.toMatchObject({ code: -32602 });
  });

  it('carries resources, templates, prompts and completions', async () => {
    const client = await connect();
    const { resources } = await client.listResources();
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resources.length).toBeGreaterThan(0);
    expect(resourceTemplates.length).toBeGreaterThan(0);
    const first = resources[0]!;
    expect((await client.readResource({ uri: first.uri })).contents[0]).toMatchObject({ uri: first.uri });
    const uri = resourceTemplates[0]!.uriTemplate.replace(/\{[^}]*\}/, '1');
    expect((await client.readResource({ uri })).contents).toHaveLength(1);
    await expect(client.readResource({ uri: 'nobody://has/this' })).rejects.toThrow();

    const { prompts } = await client.listPrompts();
    expect(prompts.map((prompt) => prompt.name)).toContain('ref__simple-prompt');
    const prompt = await client.getPrompt({ name: 'ref__simple-prompt' });
    expect(prompt.messages.length).toBeGreaterThan(0);
    await expect(client.getPrompt({ name: 'simple-prompt' })).rejects.toMatchObject({ code: -32602 });
    const completed = await client.complete({
      ref: { type: 'ref/prompt', name: 'ref__completable-prompt' },
      argument: { name: 'department', value: 'Eng' },
    });
    expect(completed.completion.values).toContain('Engineering');
  });

  it('forwards progress', async () => {
    const told: unknown[] = [];
    await (
      await connect()
    ).callTool(
      { name: 'ref__trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      undefined,
      { onprogress: (progress) => told.push(progress) },
    );
    expect(told).toEqual([1, 2, 3].map((progress) => expect.objectContaining({ progress, total: 3 })));
  });

  it('forwards a cancellation to the server', async () => {
    const client = await connect();
    const stop = new AbortController();
    const call = client.callTool({ name: 'notes__hang' }, undefined, { signal: stop.signal });
    await hanging.promise;
    stop.abort();
    await expect(call).rejects.toThrow();
    await waitUntil(async () => notes.calls.find((each) => each.name === 'hang')?.cancelled === true, {
      timeoutMs: 5_000,
      what: 'the cancellation at the server',
    });
  });

  it('tells a session that its tools changed', async () => {
    const client = await connect('/mcp/notes');
    await client.listTools();
    const changed = gate();
    client.fallbackNotificationHandler = async ({ method }) => {
      if (method === 'notifications/tools/list_changed') changed.open();
    };
    const before = notes.options.tools;
    notes.options.tools = [...before, { name: 'added' }];
    await notes.notifyToolsChanged();
    await changed.promise;
    expect(names(await client.listTools())).toContain('added');
    notes.options.tools = before;
    await notes.notifyToolsChanged();
    await waitUntil(async () => !names(await client.listTools()).includes('added'), {
      timeoutMs: 10_000,
      what: 'the list as it was',
    });
  });
});

describe('/mcp/<server>', () => {
  it('has the bare names of one server, and nothing of the others', async () => {
    const client = await connect('/mcp/notes');
    expect(names(await client.listTools())).toEqual(noteNames);
    expect((await client.listResources()).resources).toEqual([]);
    expect(await client.callTool({ name: 'look_up', arguments: { what: 'x' } })).toMatchObject({
      content: [{ type: 'text', text: '{"what":"x"}' }],
    });
    await expect(client.callTool({ name: 'ref__echo', arguments: { message: 'x' } })).rejects.toThrow();
    const prompts = (await (await connect('/mcp/ref')).listPrompts()).prompts;
    expect(prompts.map((prompt) => prompt.name)).toContain('simple-prompt');
  });

  it('is not there for a server that nobody has or that is not open to the key', async () => {
    for (const [path, alias] of [
      ['/mcp/nobody', 'alice'],
      ['/mcp/alices', 'bob'],
    ] as const) {
      const answer = await send(path, key(alias), initialize);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({
        error: { message: expect.stringContaining('no MCP server') },
      });
    }
  });
});

describe('a key at /mcp', () => {
  it('sees and calls its own tools only', async () => {
    const bob = await connect('/mcp', key('bob'));
    const own = names(await bob.listTools());
    expect(own).toContain('notes__look_up');
    expect(own.filter((name) => name.startsWith('alices'))).toEqual([]);
    await expect(bob.callTool({ name: 'alices__diary' })).rejects.toMatchObject({ code: -32602 });
    expect(alices.calls).toHaveLength(0);
    await (await connect('/mcp/alices')).callTool({ name: 'diary' });
    expect(alices.calls).toHaveLength(1);
  });

  it('may choose servers in x-mcp-servers; a name that is not known is an error', async () => {
    const some = await connect('/mcp', { ...key('alice'), 'x-mcp-servers': 'notes' });
    expect(names(await some.listTools())).toEqual(noteNames.map((name) => `notes__${name}`));
    const answer = await send('/mcp', { ...key('alice'), 'x-mcp-servers': 'nonsense' }, initialize);
    expect(answer.status).toBe(400);
  });

  it('reaches no MCP server', async () => {
    await (await connect()).callTool({ name: 'notes__look_up', arguments: {} });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.join()).not.toContain('sk-test-');
  });
});

describe('a client of 2026-07-28', () => {
  it('lists and calls without a session', async () => {
    const client = await connectModern();
    expect(client.getProtocolEra()).toBe('modern');
    expect(names(await client.listTools())).toContain('notes__look_up');
    const answer = await client.callTool({ name: 'ref__echo', arguments: { message: 'plum' } });
    expect(answer.content).toEqual([{ type: 'text', text: 'Echo: plum' }]);
    const told: unknown[] = [];
    await client.callTool(
      { name: 'ref__trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } },
      { onprogress: (progress) => told.push(progress) },
    );
    expect(told).toHaveLength(2);
    expect((await client.listResources()).resources.length).toBeGreaterThan(0);
    expect(names(await (await connectModern('/mcp/notes')).listTools())).toEqual(noteNames);
    expect(names(await (await connectModern('/mcp', 'bob')).listTools())).not.toContain('alices__diary');
  });

  it('hears that tools changed', async () => {
    const client = await connectModern();
    const changed = gate();
    client.setNotificationHandler('notifications/tools/list_changed', () => changed.open());
    const subscription = await client.listen({ toolsListChanged: true });
    await alices.notifyToolsChanged();
    alices.options.tools = [...alices.options.tools, { name: 'second' }];
    await alices.notifyToolsChanged();
    await changed.promise;
    await subscription.close();
  });
});

describe('the Python client', () => {
  it.each([
    ['/mcp', 'ref__echo'],
    ['/mcp/ref', 'echo'],
  ])('lists and calls at %s', async (path, tool) => {
    const { stdout } = await promisify(execFile)(
      join(venvDir(), 'bin', 'python'),
      [
        join(__dirname, '..', 'support', 'python', 'mcp_client.py'),
        stack.hook.url + path,
        'sk-test-bob',
        tool,
        '{"message": "pear"}',
      ],
      { timeout: 60_000 },
    );
    const got = JSON.parse(stdout);
    expect(got).toMatchObject({ server: 'toolturn', result: { content: [{ text: 'Echo: pear' }] } });
    expect(got.tools).toContain(tool);
    expect(got.tools.join()).not.toContain('diary');
    expect(got.resources).toBeGreaterThan(0);
  });
});

describe('/mcp refuses', () => {
  it.each([
    ['no key', {}, 401],
    ['a wrong key', { authorization: 'Bearer sk-wrong' }, 401],
    ['a page of another site', { ...key('alice'), origin: 'https://evil.example' }, 403],
    ['an unknown session', { ...key('alice'), 'mcp-session-id': 'made-up' }, 404],
  ])('%s', async (_what, headers, status) => {
    const answer = await send('/mcp', headers, initialize);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({
      jsonrpc: '2.0',
      error: { message: expect.stringMatching(/\w/) },
    });
    if (status === 401) expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('a Host that is a public name', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        `${stack.hook.url}/mcp`,
        { method: 'POST', headers: { ...json, ...key('alice'), host: 'rebound.evil.example' } },
        (response) => resolve(response.resume().statusCode),
      );
      request.once('error', reject).end(JSON.stringify(initialize));
    });
    expect(status).toBe(403);
  });

  it('a session of another key or another path, which its owner goes on using', async () => {
    const opened = await send('/mcp', key('alice'), initialize);
    const id = opened.headers.get('mcp-session-id') ?? '';
    expect(id).not.toBe('');
    await opened.text();
    const within = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-06-18' };
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
    expect((await send('/mcp', { ...key('bob'), ...within }, list)).status).toBe(404);
    expect((await send('/mcp/notes', { ...key('alice'), ...within }, list)).status).toBe(404);
    const ended = await fetch(`${stack.hook.url}/mcp`, {
      method: 'DELETE',
      headers: { ...key('bob'), ...within },
    });
    expect(ended.status).toBe(404);
    expect((await send('/mcp', { ...key('alice'), ...within }, list)).status).toBe(200);
    const twice = { ...within, 'mcp-protocol-version': '2025-06-18, 2025-06-18' };
    expect((await send('/mcp', { ...key('alice'), ...twice }, list)).status).toBe(200);
  });

  it('what is no JSON and what is too large', async () => {
    const answer = await fetch(`${stack.hook.url}/mcp`, {
      method: 'POST',
      headers: { ...json, ...key('alice') },
      body: '{not json',
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: -32700 } });
    const large = { ...initialize, params: { padding: 'x'.repeat(200_000) } };
    expect((await send('/mcp', key('alice'), large)).status).toBe(413);
  });
});

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};

function send(path: string, headers: Record<string, string>, body: object): Promise<Response> {
  return fetch(stack.hook.url + path, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
}

/** One request of a session of its own, as it stands on the wire. */
async function post(path: string, message: object): Promise<any> {
  const opened = await send(path, key('alice'), initialize);
  await opened.text();
  const within = { ...key('alice'), 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  const answer = await send(path, within, { jsonrpc: '2.0', id: 2, ...message });
  const data = (await answer.text()).split('\n').find((line) => line.startsWith('data: {'));
  return JSON.parse((data ?? '').slice(6));
}
