/** LiteLLM and hook-service as clients of `toolturn bridge`, and `toolturn mcp` as a client of LiteLLM. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { minimalEnv } from '../../scripts/src/environment';
import { everything, startBridge, toolturn, type RunningBridge } from '../support/bridge';
import { lastResults, roundsBehind } from '../support/tools';
import { startStack, type Stack } from '../support/stack';

jest.setTimeout(120_000);
const key = 'sk-test-alice';
let shared: RunningBridge;
let own: RunningBridge;
let stack: Stack;

beforeAll(async () => {
  [shared, own] = await Promise.all([startBridge(['--shared'], everything), startBridge([], everything)]);
  stack = await startStack({
    servers: {
      shared: { transport: 'http', url: `${shared.url}/mcp` },
      own: { transport: 'http', url: `${own.url}/mcp` },
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

test("toolturn mcp reaches the tools through LiteLLM under the caller's key", async () => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [toolturn, 'mcp'],
    env: minimalEnv({ LITELLM_API_URL: stack.url, LITELLM_API_KEY: key }),
    stderr: 'pipe',
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  try {
    await client.connect(transport);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    const sum = names.find((name) => /^own.*get-sum$/.test(name)) ?? 'none';
    const result: any = await client.callTool({ name: sum, arguments: { a: 40, b: 2 } });
    expect(result.content[0].text).toContain('42');
    expect(stack.keys()).toContain(key);
  } finally {
    await client.close();
  }
});
