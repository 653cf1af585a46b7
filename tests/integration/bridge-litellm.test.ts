/** LiteLLM and hook-service as clients of `toolturn bridge`, and `toolturn mcp` as a client of LiteLLM. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { minimalEnv } from '../../scripts/src/environment';
import { freePort } from '../../scripts/src/processes';
import { everything, startBridge, toolturn, type RunningBridge } from '../support/bridge';
import { documentedPassThrough } from '../support/pass-through';
import { lastResults, roundsBehind } from '../support/tools';
import { startStack, type Stack } from '../support/stack';

jest.setTimeout(120_000);
const key = 'sk-test-alice';
let shared: RunningBridge;
let own: RunningBridge;
let stack: Stack;

beforeAll(async () => {
  [shared, own] = await Promise.all([startBridge(['--shared'], everything), startBridge([], everything)]);
  const hookPort = await freePort();
  stack = await startStack({
    hookPort,
    general: { pass_through_endpoints: documentedPassThrough(hookPort) },
    servers: {
      shared: { transport: 'http', url: `${shared.url}/mcp` },
      own: { transport: 'http', url: `${own.url}/mcp`, api_keys: [key] },
      old: { transport: 'sse', url: `${shared.url}/sse` },
    },
  });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await Promise.all([shared?.stop(), own?.stop()]);
});

async function rest(path: string, body?: object): Promise<any> {
  const response = await fetch(`${stack.url}/mcp-rest/${path}`, {
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return response.json();
}

test('LiteLLM lists and calls a stdio server over streamable HTTP and over SSE', async () => {
  const { tools, message } = await rest('tools/list');
  const names = tools.map(({ name }: { name: string }) => name);
  expect([message, names]).toEqual([
    'Successfully retrieved tools',
    expect.arrayContaining(['shared-get-sum', 'own-get-sum', 'old-get-sum']),
  ]);
  for (const server of ['shared', 'own', 'old']) {
    const [content] = await rest('tools/call', { name: `${server}-get-sum`, arguments: { a: 20, b: 22 } });
    expect(content.text).toContain('42');
  }
});

test('a whole turn goes from the model to a stdio server and back', async () => {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { text: '', toolCalls: [{ name: 'own__get-sum', arguments: { a: 19, b: 23 } }] }
      : { text: `It says: ${lastResults(request)[0]}` },
  );
  const answer = await stack.client().chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: 'How much is 19 and 23?' }],
  });
  expect(answer.choices[0]?.message.content).toContain('42');
});

describe("toolturn mcp, through LiteLLM's port", () => {
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  async function connect(alias: string, ...args: string[]) {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [toolturn, 'mcp', ...args],
      env: minimalEnv({ LITELLM_API_URL: stack.url, LITELLM_API_KEY: `sk-test-${alias}` }),
      stderr: 'pipe',
    });
    let said = '';
    transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const client = new Client({ name: 'test', version: '1.0.0' });
    clients.push(client);
    await client.connect(transport);
    const listed = async () => (await client.listTools()).tools.map(({ name }) => name);
    return { client, listed, said: () => said };
  }

  test("has Toolturn's own endpoint at /toolturn/mcp, with names, rules and results as there", async () => {
    const { client, listed, said } = await connect('alice');
    expect(client.getServerVersion()?.name).toBe('toolturn');
    expect(await listed()).toEqual(expect.arrayContaining(['shared__get-sum', 'own__get-sum']));
    const result: any = await client.callTool({ name: 'own__get-sum', arguments: { a: '40', b: 2 } });
    expect(result.content[0].text).toContain('42');
    expect(await client.callTool({ name: 'own__get-sum', arguments: { a: 'many' } })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/was not run: .*"a" must be a number/) }],
    });
    expect(said()).toBe('');
  });

  test('shows a key its own tools only, and calls no other', async () => {
    const { client, listed } = await connect('bob');
    const names = await listed();
    expect(names).toContain('shared__get-sum');
    expect(names.filter((name) => name.startsWith('own'))).toEqual([]);
    await expect(client.callTool({ name: 'own__get-sum', arguments: { a: 1, b: 2 } })).rejects.toMatchObject({
      code: -32602,
    });
  });

  test('has one server under its own names, and none that is not open to the key', async () => {
    const { client, listed } = await connect('alice', '--server', 'own');
    expect(await listed()).toContain('get-sum');
    const result: any = await client.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } });
    expect(result.content[0].text).toContain('3');
    await expect(connect('bob', '--server', 'own')).rejects.toThrow();
  });
});
