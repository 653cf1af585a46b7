/** What other clients meet: Open WebUI's requests, MCP clients beside Toolturn, and everything we print for copying. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { placeholderKey, renderClients } from '../../hook-service/src/cli/clients';
import type { Setup } from '../../hook-service/src/cli/client-setups';
import { root, venvDir } from '../../scripts/src/paths';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import type { Driver, Script } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { startSseFixture, type SseFixture } from '../support/mcp/sse-fixture';
import { printedCurls, runPrinted, runShell, type Desk } from '../support/printed';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { toolNames } from '../support/tools';

const drivers = [chatDriver, messagesDriver, generateContentDriver];
const stdioServer = join(root, 'tests', 'support', 'mcp', 'stdio-server.mjs');
const databases = 'postgres, planning and sales';
const asked = 'What databases do we have?';

let model: ScriptedModel;
let fixture: SseFixture;
let stack: Stack;

beforeAll(async () => {
  model = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  // Over SSE and stdio: LiteLLM 1.77.3's own client of streamable HTTP is refused by current servers.
  fixture = await startSseFixture({
    tools: [{ name: 'list_databases', description: 'Lists databases.', handler: () => databases }],
  });
  stack = await startStack({
    servers: {
      // Newer LiteLLM wants each key granted its servers, or this; 1.77.3 does not look at it.
      database: { url: fixture.url, transport: 'sse', alias: 'db', allow_all_keys: true },
      local: {
        transport: 'stdio',
        command: 'node',
        args: [stdioServer, 'normal'],
        allow_all_keys: true,
      },
    },
    models: [
      ...drivers.map((driver) => driver.entry(model.url)),
      // The names of the sample config, which the documents use.
      { ...responsesDriver.entry(model.url), model_name: 'gpt' },
      { ...messagesDriver.entry(model.url), model_name: 'claude' },
      { ...generateContentDriver.entry(model.url), model_name: 'gemini' },
      { model_name: 'gpt-4o-mock', litellm_params: { model: 'openai/mock', mock_response: 'Hi.' } },
    ],
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await model?.stop();
});

beforeEach(() => {
  model.reset();
  stack.model.reset();
  fixture.calls.length = 0;
});

/** Looks the databases up, then names them. */
const lookUp: Script = ({ rounds, results }) =>
  rounds === 0
    ? { text: 'Let me look.', calls: [{ id: `call_${Math.random()}`, name: 'db__list_databases', args: {} }] }
    : { text: `We have ${results.join()}.` };

describe('Open WebUI', () => {
  // As Open WebUI's backend posts it, with ENABLE_FORWARD_USER_INFO_HEADERS and a connection header of its own.
  const headers = {
    'x-openwebui-user-name': 'Ada',
    'x-openwebui-user-id': '7d0e',
    'x-openwebui-user-email': 'ada@example.org',
    'x-openwebui-user-role': 'user',
    'x-openwebui-chat-id': 'c0ffee',
    'x-mcp-servers': 'db',
  };
  const post = (content: string, body: object) =>
    postSse(
      `${stack.url}/v1/chat/completions`,
      'sk-test-webui',
      { model: 'chat', messages: [{ role: 'user', content }], ...body },
      headers,
    );

  it('asks what databases there are, and streams the list', async () => {
    model.answerWith(chatDriver.provider(lookUp));
    const { status, events } = await post(asked, { stream: true, stream_options: { include_usage: true } });
    expect(status).toBe(200);
    const body = (await all(events)).map(({ data }) => `data: ${data}\n\n`).join('');
    expect(chatDriver.answerProblems(body, true)).toEqual([]);
    expect(body).not.toMatch(/db__|tool_call/);
    const text = body.matchAll(/"content":\s?"([^"]*)"/g);
    expect([...text].map(([, piece]) => piece).join('')).toBe(`Let me look.\\n\\nWe have ${databases}.`);
    expect(toolNames(model.requests[0])).toEqual(['db__list_databases']);
    expect(fixture.calls).toHaveLength(1);
  });

  it('asks for a title beside that, and no tool is in the way', async () => {
    model.answerWith(chatDriver.provider(() => ({ text: '{"title": "Databases"}' })));
    const task =
      '### Task:\nGenerate a concise, 3-5 word title.\n### Guidelines:\n- Be short.\n### Chat History:\n';
    const { events } = await post(`${task}<chat_history>\nUSER: ${asked}\n</chat_history>`, { stream: true });
    await all(events);
    expect(toolNames(model.requests[0])).toEqual([]);
  });
});

describe('an MCP client', () => {
  async function connected<T>(transport: Transport, use: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ name: 'some-mcp-client', version: '1.0.0' });
    await client.connect(transport);
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  /** The transport of the mcp.json that is printed for VS Code. */
  function printedTransport(key: string, more: Record<string, string> = {}): Transport {
    const { output } = renderClients({ url: stack.url, key, client: 'vs-code', json: true });
    const [{ files }] = JSON.parse(output) as [Setup];
    const { servers } = JSON.parse(Object.values(files ?? {})[0] ?? '');
    const { url, headers } = servers.litellm as { url: string; headers: Record<string, string> };
    return new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { ...headers, ...more } },
    });
  }
  const namesOf = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name);

  it('lists and calls through LiteLLM’s own endpoint as it would without Toolturn', async () => {
    await connected(printedTransport('sk-test-alice'), async (client) => {
      const names = await namesOf(client);
      expect(names).toContain('db-list_databases');
      expect(names.filter((name) => name.startsWith('local-')).length).toBeGreaterThan(0);
      const result = await client.callTool({ name: 'db-list_databases', arguments: {} });
      expect(result.content).toEqual([expect.objectContaining({ type: 'text', text: databases })]);
    });
    expect(fixture.calls).toHaveLength(1);
    expect(model.requests).toHaveLength(0);
  });

  it('chooses servers there with x-mcp-servers, and is refused with a key that is not known', async () => {
    const chosen = printedTransport('sk-test-alice', { 'x-mcp-servers': 'db' });
    expect(await connected(chosen, namesOf)).toEqual(['db-list_databases']);
    // 1.77.3 does not say why; newer versions do.
    await expect(connected(printedTransport('sk-nobody'), namesOf)).rejects.toThrow(
      /MCP request failed|authentication_required/,
    );
  });

  it('uses a server directly, over SSE and over stdio, while Toolturn uses it too', async () => {
    model.answerWith(chatDriver.provider(lookUp));
    const direct = connected(new SSEClientTransport(new URL(fixture.url)), async (client) => {
      expect(await namesOf(client)).toEqual(['list_databases']);
      return client.callTool({ name: 'list_databases', arguments: {} });
    });
    const turn = chatDriver
      .converse({ url: stack.url, key: 'sk-test-alice', stream: false, own: false, exchanges: [] })
      .ask(asked);
    expect(JSON.stringify(await direct)).toContain(databases);
    expect((await turn).text).toContain(databases);
    expect(fixture.calls).toHaveLength(2);
    const own = new StdioClientTransport({ command: process.execPath, args: [stdioServer, 'normal'] });
    expect((await connected(own, namesOf)).length).toBeGreaterThan(0);
  });
});

describe('a program that toolturn clients prints', () => {
  const printed: readonly (readonly [string, Driver])[] = [
    ['openai-node', chatDriver],
    ['openai-python', chatDriver],
    ['anthropic-sdk', messagesDriver],
    ['google-genai', generateContentDriver],
    ['curl', chatDriver],
  ];

  it.each(printed)('%s runs as it is, and its answer needed a tool', async (client, driver) => {
    model.answerWith(driver.provider(lookUp));
    const { output } = renderClients({
      url: stack.url,
      key: 'sk-test-alice',
      client,
      model: driver.dialect,
      json: true,
    });
    const [{ code }] = JSON.parse(output) as [Setup];
    if (code === undefined) throw new Error(`${client} has no program.`);
    const desk: Desk = {
      dir: stack.dir,
      nodeModules: join(root, 'node_modules'),
      node: process.execPath,
      python: join(venvDir(), 'bin', 'python'),
    };
    expect(await runPrinted(code, desk)).toContain(`We have ${databases}.`);
    expect(fixture.calls).toHaveLength(1);
  });
});

describe('a curl line of the documents', () => {
  const curls = printedCurls();
  const byPath: readonly (readonly [string, Driver])[] = [
    ['/v1/responses', responsesDriver],
    ['/v1/messages', messagesDriver],
    [':generateContent', generateContentDriver],
  ];

  it('is found in README and docs', () => {
    expect(curls.map(({ file }) => file)).toEqual(expect.arrayContaining(['README.md', 'docs/compose.md']));
  });

  it.each(curls)('in $file works as printed: $text', async ({ text }) => {
    writeFileSync(join(stack.dir, 'litellm.env'), 'LITELLM_MASTER_KEY=sk-test-alice\n');
    stack.model.answerWith(chatDriver.provider(lookUp));
    const [, driver] = byPath.find(([path]) => text.includes(path)) ?? [];
    if (driver !== undefined) model.answerWith(driver.provider(lookUp));
    const key = 'sk-test-alice';
    // Only the ports are others here, and the key where a snippet has a placeholder for it.
    const here = text
      .replaceAll('http://127.0.0.1:4000', stack.url)
      .replaceAll('http://127.0.0.1:48900', stack.hook.url)
      .replaceAll(placeholderKey, key);
    const output = await runShell(here, stack.dir, { KEY: key, LITELLM_KEY: key, LITELLM_API_KEY: key });
    expect(output.trim()).not.toBe('');
    if (driver !== undefined) expect(output).toContain(databases);
    if (!here.includes('/chat/completions')) return;
    if (here.includes('"stream": true')) expect(output.trim()).toMatch(/data: \[DONE\]$/);
    else
      expect(JSON.parse(output)).toMatchObject({ choices: [{ message: { content: expect.any(String) } }] });
    const said = [...output.matchAll(/"content":\s?"([^"]*)"/g)].map(([, piece]) => piece).join('');
    if (here.includes('"demo"')) expect(said).toContain(databases);
  });
});
