import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { root } from '../../scripts/src/paths';
import { freePort, waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { documentedPassThrough } from '../support/pass-through';
import { startStack, type Stack } from '../support/stack';

const stdio = join(root, 'tests', 'support', 'mcp', 'stdio-server.mjs');
const shown: string[] = [];
let notes: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  notes = await startHttpFixture({
    intercept: (request) => {
      shown.push(JSON.stringify(request.headers));
      return false;
    },
    tools: [
      {
        name: 'look_up',
        description: 'Looks up',
        inputSchema: { type: 'object', properties: { what: { type: 'string' } } },
        annotations: { readOnlyHint: true },
      },
      { name: 'fail', handler: () => ({ content: [{ type: 'text', text: 'no such note' }], isError: true }) },
    ],
  });
  const port = await freePort();
  const here = `http://127.0.0.1:${port}/mcp`;
  stack = await startStack({
    hookPort: port,
    general: { pass_through_endpoints: documentedPassThrough(port) },
    servers: {
      notes_local: {
        url: notes.url,
        transport: 'http',
        alias: 'notes',
        description: 'Notes',
        access_groups: ['desk'],
      },
      alices: {
        transport: 'stdio',
        command: process.execPath,
        args: [stdio, 'normal'],
        api_keys: ['sk-test-alice'],
      },
      away: { url: 'http://127.0.0.1:9/mcp', transport: 'http' },
      // LiteLLM's own gateway uses Toolturn; hook-service reads the same entry and must leave it alone.
      lan: { url: here, transport: 'http', auth_type: 'bearer_token', auth_value: 'sk-test-alice' },
      lan_alices: {
        url: `${here}/alices`,
        transport: 'http',
        auth_type: 'bearer_token',
        auth_value: 'sk-test-alice',
      },
    },
    toolturn: { servers: { lan: { enabled: false } } },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await notes?.stop();
});

const key = (alias: string) => ({ authorization: `Bearer sk-test-${alias}` });
const get = (headers: Record<string, string>, at = stack.hook.url): Promise<Response> =>
  fetch(`${at}/v1/tools`, { headers });
const listed = async (headers: Record<string, string>, at?: string): Promise<any> =>
  (await get(headers, at)).json();
const names = (list: any): string[] => list.data.map((tool: any) => tool.function.name);

describe('GET /v1/tools', () => {
  it('lists what the key may use in OpenAI form, with server, schema, hints and state', async () => {
    const list = await listed(key('alice'));
    expect(list.object).toBe('list');
    expect(names(list)).toEqual(expect.arrayContaining(['notes__look_up', 'alices__greet']));
    expect(list.data.find((tool: any) => tool.tool === 'look_up')).toEqual({
      type: 'function',
      function: {
        name: 'notes__look_up',
        description: 'Looks up',
        parameters: { type: 'object', properties: { what: { type: 'string' } } },
      },
      server: 'notes',
      tool: 'look_up',
      state: 'ready',
      annotations: { readOnlyHint: true },
    });
  });

  it('names servers that are down, with the reason', async () => {
    const { servers } = await listed(key('alice'));
    const away = servers.find((server: any) => server.name === 'away');
    expect(away).toMatchObject({ tools: 0, reason: expect.stringContaining('refused') });
    expect(away.state).not.toBe('ready');
    expect(servers.find((server: any) => server.name === 'notes')).toEqual({
      name: 'notes',
      description: 'Notes',
      state: 'ready',
      tools: 2,
    });
    expect(servers.find((server: any) => server.name === 'lan')).toMatchObject({ state: 'disabled' });
  });

  it('knows an entry that leads back to itself, and does not list its own tools again', async () => {
    await waitUntil(
      async () => {
        const { servers } = await listed(key('alice'));
        return /this very Toolturn/.test(servers.find((each: any) => each.name === 'lan_alices').reason);
      },
      { timeoutMs: 60_000, what: 'the reason of the entry that leads back' },
    );
    expect(names(await listed(key('alice'))).join()).not.toContain('lan_alices__');
  });

  it('shows a key nothing of servers that are not open to it', async () => {
    const list = await listed(key('bob'));
    expect(names(list)).toEqual(['notes__fail', 'notes__look_up']);
    expect(JSON.stringify(list)).not.toContain('alices__');
    expect(list.servers.map((server: any) => server.name)).not.toContain('alices');
  });

  it('honours x-mcp-servers and x-mcp-access-groups, and refuses names that are not known', async () => {
    const notesOnly = ['notes__fail', 'notes__look_up'];
    expect(names(await listed({ ...key('alice'), 'x-mcp-servers': 'notes_local' }))).toEqual(notesOnly);
    const byGroup = await listed({ ...key('alice'), 'x-mcp-access-groups': 'desk' });
    expect(names(byGroup)).toEqual(notesOnly);
    expect(byGroup.servers).toHaveLength(1);
    expect((await get({ ...key('alice'), 'x-mcp-servers': 'nonsense' })).status).toBe(400);
  });

  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer sk-wrong' }],
  ])('answers 401 to %s', async (_what, headers) => {
    const answer = await get(headers);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      error: { type: 'unauthorized', message: expect.any(String) },
    });
  });

  it('asks LiteLLM about a key once for many requests', async () => {
    const before = stack.keys().length;
    await Promise.all(Array.from({ length: 20 }, () => get(key('carol'))));
    await get({ ...key('carol') });
    expect(stack.keys().length - before).toBe(1);
  });
});

describe('POST /v1/tools/<name>', () => {
  const call = (name: string, body: object, alias = 'alice'): Promise<Response> =>
    fetch(`${stack.hook.url}/v1/tools/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...key(alias) },
      body: JSON.stringify(body),
    });

  it('runs a tool', async () => {
    const answer = await call('notes__look_up', { arguments: { what: 'plum' } });
    expect(await answer.json()).toEqual({
      tool: 'notes__look_up',
      is_error: false,
      result: '{"what":"plum"}',
      content: [{ type: 'text', text: '{"what":"plum"}' }],
    });
  });

  it('says so when the tool fails', async () => {
    const answer = await call('notes__fail', {});
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      is_error: true,
      failure: 'tool_error',
      error: 'no such note',
    });
  });

  it('refuses a tool that is not there or not for the key, and arguments that are no object', async () => {
    expect((await call('notes__nothing', {})).status).toBe(404);
    expect((await call('alices__greet', {}, 'bob')).status).toBe(404);
    expect((await call('notes__look_up', { arguments: 'x' })).status).toBe(400);
  });
});

describe("LiteLLM's own port", () => {
  it('serves /v1/tools as a pass-through, to the key that asks', async () => {
    expect(names(await listed(key('alice'), stack.url))).toEqual(names(await listed(key('alice'))));
    expect(names(await listed(key('bob'), stack.url))).toEqual(['notes__fail', 'notes__look_up']);
    expect((await get({}, stack.url)).status).toBe(401);
    expect((await get({ authorization: 'Bearer sk-wrong' }, stack.url)).status).toBe(401);
  });

  it.each([
    ['/mcp/lan', 'lan-notes__look_up', 'lan-alices__greet'],
    ['/mcp/lan_alices', 'lan_alices-greet', 'lan_alices-greet'],
  ])('has at its own gateway %s the tools of servers it cannot run itself', async (path, one, other) => {
    const client = new Client({ name: 'test', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(stack.url + path), {
      requestInit: { headers: key('alice') },
    });
    await client.connect(transport);
    const tools = (await client.listTools()).tools.map((tool) => tool.name);
    expect(tools).toEqual(expect.arrayContaining([one, other]));
    expect(await client.callTool({ name: other, arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'hello' }],
    });
    await client.close();
  });
});

describe('a key', () => {
  it('reaches no MCP server and no log', async () => {
    await get(key('alice'));
    expect(shown.length).toBeGreaterThan(0);
    const log = readFileSync(join(stack.dir, 'hook-service.log'), 'utf8');
    for (const text of [shown.join(), log]) {
      expect(text).not.toContain('sk-test-');
      expect(text).not.toContain(createHash('sha256').update('sk-test-alice').digest('hex'));
    }
  });
});
