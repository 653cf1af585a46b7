/** The starters that everything else uses, against the real programs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { startLiteLLM, type RunningLiteLLM } from '../../scripts/src/litellm';
import { root } from '../../scripts/src/paths';
import { answersPing, startRedis } from '../../scripts/src/redis';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-starters-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('Redis starts on a free port, and a stopped one comes back on the same port', async () => {
  const first = await startRedis({ dir });
  expect(await answersPing(first.url)).toBe(true);
  await first.stop();
  expect(await answersPing(first.url)).toBe(false);
  const second = await startRedis({ dir, port: first.port });
  expect(second.url).toBe(first.url);
  await second.stop();
});

describe('LiteLLM as requirements.lock installs it', () => {
  let model: ScriptedModel;
  let litellm: RunningLiteLLM;

  beforeAll(async () => {
    model = await startScriptedModel({ answer: () => ({ text: 'Good morning' }) });
    const configPath = join(dir, 'config.yaml');
    writeFileSync(
      configPath,
      `model_list:
  - model_name: demo
    litellm_params: {model: openai/demo, api_base: ${model.url}, api_key: none}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
mcp_servers:
  files:
    transport: stdio
    command: node
    args: [node_modules/@modelcontextprotocol/server-filesystem/dist/index.js, ${dir}]
`,
    );
    litellm = await startLiteLLM({ configPath, cwd: root, env: { LITELLM_MASTER_KEY: 'sk-test' } });
  }, 200_000);
  afterAll(async () => {
    await litellm?.stop();
    await model?.stop();
  });

  test('it is 1.77.3 and answers from the scripted model, with the key only', async () => {
    expect(litellm.version).toBe('1.77.3');
    const ask = (key: string) =>
      fetch(`${litellm.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'hello' }] }),
      });
    expect(await (await ask('sk-test')).text()).toContain('Good morning');
    expect((await ask('sk-wrong')).status).toBeGreaterThanOrEqual(400);
  });

  test('its own /mcp/ endpoint lists the tools of a stdio server', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(`${litellm.url}/mcp/`), {
      requestInit: { headers: { 'x-litellm-api-key': 'Bearer sk-test' } },
    });
    await client.connect(transport);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toContain('files-read_text_file');
    await client.close();
  });
});
