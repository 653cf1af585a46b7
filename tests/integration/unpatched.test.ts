/** Bare LiteLLM, without the door: what it does and does not do by itself, and that nothing of it was changed. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startLiteLLM, type RunningLiteLLM } from '../../scripts/src/litellm';
import { venvDir } from '../../scripts/src/paths';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startSseFixture, type SseFixture } from '../support/mcp/sse-fixture';
import { toolNames } from '../support/tools';

jest.setTimeout(60_000);
const masterKey = 'sk-unpatched-master';
const question = 'What is the word?';
const lookUp = { name: 'notes-look_up', arguments: '{"what":"word"}' };

let dir: string;
let fixture: SseFixture;
let strict: HttpFixture;
const versions = new Set<unknown>();
let model: ScriptedModel;
let litellm: RunningLiteLLM;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-bare-'));
  fixture = await startSseFixture({
    tools: [{ name: 'look_up', handler: () => ({ content: [{ type: 'text', text: 'It is quince.' }] }) }],
  });
  strict = await startHttpFixture({
    tools: [{ name: 'echo', handler: () => ({ content: [] }) }],
    intercept: (request) => {
      versions.add(request.headers['mcp-protocol-version']);
      return false;
    },
  });
  model = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  const config = {
    model_list: [
      {
        model_name: 'demo',
        litellm_params: { model: 'openai/demo', api_base: model.url, api_key: 'none' },
      },
    ],
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
    mcp_servers: {
      notes: { url: fixture.url, transport: 'sse' },
      strict: { url: strict.url, transport: 'http' },
    },
  };
  writeFileSync(join(dir, 'config.yaml'), stringify(config));
  litellm = await startLiteLLM({
    configPath: join(dir, 'config.yaml'),
    env: { LITELLM_MASTER_KEY: masterKey },
    logFile: join(dir, 'litellm.log'),
  });
}, 180_000);

afterAll(async () => {
  await litellm?.stop();
  await model?.stop();
  await fixture?.stop();
  await strict?.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(() => {
  model.reset();
  fixture.calls.length = 0;
});

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = { authorization: `Bearer ${masterKey}` },
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${litellm.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const chat = (extra: object = {}) =>
  post('/v1/chat/completions', {
    model: 'demo',
    messages: [{ role: 'user', content: question }],
    ...extra,
  });

describe('the installed package', () => {
  const site = join(venvDir(), 'lib');
  const python = readdirSync(site).find((name) => name.startsWith('python')) ?? '';
  const packages = join(site, python, 'site-packages');
  const record = readFileSync(join(packages, 'litellm-1.77.3.dist-info', 'RECORD'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      // Names with a comma are in quotes; sizes and hashes have none.
      const [, quoted, plain, hash] = /^(?:"([^"]+)"|([^,]+)),sha256=([^,]+),\d+$/.exec(line.trim()) ?? [];
      const name = quoted ?? plain;
      return name === undefined || hash === undefined ? [] : [{ name, hash }];
    });

  /** At its first start LiteLLM itself moves pages of its admin interface from `x.html` to `x/index.html`. */
  function placeOf(name: string): string {
    const path = join(packages, name);
    return !existsSync(path) && name.startsWith('litellm/proxy/_experimental/out/')
      ? path.replace(/\.html$/, '/index.html')
      : path;
  }

  it('is 1.77.3, and every file of it is what was released', () => {
    expect(record.length).toBeGreaterThan(1000);
    const changed = record.filter(({ name, hash }) => {
      const path = placeOf(name);
      return (
        !existsSync(path) || createHash('sha256').update(readFileSync(path)).digest('base64url') !== hash
      );
    });
    expect(changed).toEqual([]);
  });

  it('has no Python file beside those that were released', () => {
    const known = new Set(record.map(({ name }) => name));
    const found = readdirSync(join(packages, 'litellm'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.py'))
      .map((name) => `litellm/${name}`);
    expect(found.filter((name) => !known.has(name))).toEqual([]);
  });

  it('reports its version', () => {
    expect(litellm.version).toBe('1.77.3');
  });
});

describe('keys', () => {
  it('are not asked for at /health/liveliness, and are at /health', async () => {
    expect((await fetch(`${litellm.url}/health/liveliness`)).status).toBe(200);
    expect((await fetch(`${litellm.url}/health`)).status).toBe(401);
    const health = await fetch(`${litellm.url}/health`, {
      headers: { authorization: `Bearer ${masterKey}` },
    });
    expect(health.status).toBe(200);
    expect(await health.text()).toContain('openai/demo');
  });

  it('decide about a chat request: 401 without one, 200 with the master key', async () => {
    const body = { model: 'demo', messages: [{ role: 'user', content: question }] };
    const send = (headers: Record<string, string>) => post('/v1/chat/completions', body, headers);
    expect((await send({})).status).toBe(401);
    expect((await chat()).status).toBe(200);
    // Without a database there is nowhere to look another key up, which is a 400.
    expect((await send({ authorization: 'Bearer sk-wrong' })).status).toBe(400);
    expect(model.requests).toHaveLength(1);
  });

  it('list the models', async () => {
    const models = await fetch(`${litellm.url}/v1/models`, {
      headers: { authorization: `Bearer ${masterKey}` },
    });
    expect(JSON.stringify(await models.json())).toContain('"id":"demo"');
  });
});

describe('chat completions', () => {
  const callsTool = { toolCalls: [{ name: lookUp.name, arguments: lookUp.arguments }] };

  it('are offered no tool', async () => {
    await chat();
    expect(model.requests[0]?.body).not.toHaveProperty('tools');
  });

  it('end with finish_reason tool_calls: the call comes back and nothing runs it', async () => {
    model.answerWith(() => callsTool);
    const tools = [
      { type: 'function', function: { name: lookUp.name, parameters: { type: 'object', properties: {} } } },
    ];
    const { body } = await chat({ tools });
    expect(body).toMatchObject({
      choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: lookUp }] } }],
    });
    expect(model.requests).toHaveLength(1);
    expect(fixture.calls).toEqual([]);
  });

  it('do not run it either for an MCP entry with require_approval never, or for x-mcp-servers', async () => {
    model.answerWith(() => callsTool);
    const entry = { type: 'mcp', server_url: 'litellm_proxy/mcp/notes', require_approval: 'never' };
    await chat({ tools: [entry] });
    await post(
      '/v1/chat/completions',
      { model: 'demo', messages: [{ role: 'user', content: question }] },
      { authorization: `Bearer ${masterKey}`, 'x-mcp-servers': 'notes' },
    );
    expect(model.requests).toHaveLength(2);
    expect(model.requests.flatMap(toolNames)).not.toContain(lookUp.name);
    expect(fixture.calls).toEqual([]);
  });
});

describe('what does execute', () => {
  const entry = { type: 'mcp', server_label: 'litellm', server_url: 'litellm_proxy/mcp/notes' };
  const called = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'demo',
    status: 'completed',
    output: [{ type: 'function_call', id: 'fc_1', call_id: 'call_1', status: 'completed', ...lookUp }],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    temperature: 1,
    top_p: 1,
  };
  const answered = {
    ...called,
    id: 'resp_2',
    output: [
      {
        type: 'message',
        id: 'm_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'It is quince.', annotations: [] }],
      },
    ],
  };
  const respond = (approval: string) =>
    post('/v1/responses', {
      model: 'demo',
      input: question,
      tools: [{ ...entry, require_approval: approval }],
    });

  it('/v1/responses runs the call of an MCP entry with require_approval never, once', async () => {
    model.answerWith((_request, index) => ({ json: index === 0 ? called : answered }));
    const { body } = await respond('never');
    expect(JSON.stringify(body)).toContain('It is quince.');
    expect(fixture.calls.map((call) => call.name)).toEqual(['look_up']);
  });

  it('/v1/responses does not run it without never', async () => {
    model.answerWith((_request, index) => ({ json: index === 0 ? called : answered }));
    const { body } = await respond('always');
    expect(JSON.stringify(body)).toContain('function_call');
    expect(fixture.calls).toEqual([]);
  });

  it('/mcp-rest/tools/call runs a call', async () => {
    const { status, body } = await post('/mcp-rest/tools/call', {
      name: lookUp.name,
      arguments: { what: 'word' },
    });
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain('It is quince.');
    expect(fixture.calls).toHaveLength(1);
  });

  it('/mcp/ runs a call of an MCP client', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const headers = { authorization: `Bearer ${masterKey}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${litellm.url}/mcp/`), {
        requestInit: { headers },
      }),
    );
    const result = await client.callTool({ name: lookUp.name, arguments: { what: 'word' } });
    await client.close();
    expect(JSON.stringify(result)).toContain('It is quince.');
    expect(fixture.calls).toHaveLength(1);
  });

  it('lists no tools of a server that minds a version header sent twice, over streamable HTTP', async () => {
    const response = await fetch(`${litellm.url}/mcp-rest/tools/list`, {
      headers: { authorization: `Bearer ${masterKey}` },
    });
    const list = JSON.stringify(await response.json());
    expect(list).toContain('look_up');
    expect(list).not.toContain('echo');
    expect(versions).toContain('2025-06-18, 2025-06-18');
  });
});
