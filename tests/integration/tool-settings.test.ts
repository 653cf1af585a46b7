import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { readFileSync } from 'node:fs';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, secret, type Stack } from '../support/stack';
import { lastResults, roundsBehind } from '../support/tools';

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Look.' }] };
const readOnly = { readOnlyHint: true };
const tenant = 'tenant-of-the-operator';

let fixture: HttpFixture;
let stack: Stack;
let release: (text: string) => void = () => undefined;
const hang = new Promise<string>((resolve) => (release = resolve));
let failing = false;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'query',
        description: 'Runs SQL.',
        inputSchema: {
          type: 'object',
          properties: { sql: { type: 'string' }, tenant: { type: 'string' } },
          required: ['sql', 'tenant'],
          additionalProperties: false,
        },
      },
      { name: 'drop_all' },
      { name: 'look', annotations: readOnly, handler: () => `seen ${fixture.calls.length}` },
      {
        name: 'flaky',
        annotations: readOnly,
        handler: () => ({
          isError: failing,
          content: [{ type: 'text', text: `call ${fixture.calls.length}` }],
        }),
      },
      { name: 'untold', handler: () => `seen ${fixture.calls.length}` },
      { name: 'slow', handler: () => hang },
      { name: 'fetch', handler: ({ url }) => `page of ${String(url)}` },
      {
        name: 'leak',
        handler: () => ({
          isError: true,
          content: [{ type: 'text', text: `${tenant} was refused\n    at run (/srv/x.js:1:2)` }],
          structuredContent: { token: tenant, at: 1 },
        }),
      },
    ],
  });
  stack = await startStack({
    servers: { db_main: { url: fixture.url, transport: 'http', alias: 'db', timeout: 30 } },
    toolturn: {
      servers: {
        db: {
          tools: {
            query: {
              name: 'ask',
              description: 'Asks the database.',
              arguments: { tenant: 'os.environ/TENANT' },
            },
            drop_all: { enabled: false },
            look: { cache: '60s' },
            flaky: { cache: '60s' },
            untold: { cache: '60s' },
            slow: { timeout: 0.2 },
            fetch: { urls: 'public' },
            nothing: { timeout: 3 },
          },
        },
      },
    },
    env: { TENANT: tenant },
  });
}, 180_000);

afterAll(async () => {
  release('late');
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => stack.model.reset());

async function call(name: string, args: object, alias = 'alice'): Promise<{ told: string; calls: number }> {
  const before = fixture.calls.length;
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ name, arguments: args }] }
      : { text: lastResults(request).join() },
  );
  const answer = await stack.client(alias).chat.completions.create(question);
  return { told: answer.choices[0]?.message.content ?? '', calls: fixture.calls.length - before };
}

const logged = () => readFileSync(stack.hook.logFile, 'utf8');

describe('settings of one tool', () => {
  it('give it another name and description, and take fixed arguments out of what the model sees', async () => {
    await call('db__look', {});
    const tools = stack.model.requests[0]?.body['tools'] as { function: { name: string } }[];
    expect(tools.map((tool) => tool.function.name)).toEqual([
      'db__fetch',
      'db__flaky',
      'db__leak',
      'db__look',
      'db__ask',
      'db__slow',
      'db__untold',
    ]);
    expect(tools.find((tool) => tool.function.name === 'db__ask')?.function).toEqual({
      name: 'db__ask',
      description: 'Asks the database.',
      parameters: {
        type: 'object',
        properties: { sql: { type: 'string' } },
        required: ['sql'],
        additionalProperties: false,
      },
    });
  });

  it('add fixed arguments to the call under the tool’s own name, whatever the model wrote there', async () => {
    const { told } = await call('db__ask', { sql: 'select 1', tenant: 'somebody-else' });
    expect(fixture.calls.at(-1)).toMatchObject({ name: 'query', arguments: { sql: 'select 1', tenant } });
    // The server repeats its arguments; a value from the environment is not told.
    expect(told).not.toContain(tenant);
    expect(JSON.stringify(stack.model.requests)).not.toContain(tenant);
  });

  it('still refuse arguments that do not fit, without the fixed ones', async () => {
    const { told, calls } = await call('db__ask', {});
    expect(told).toMatch(/"sql" is missing/);
    expect(told).not.toContain(tenant);
    expect(calls).toBe(0);
  });

  it('switch a tool off, for calls by its name too', async () => {
    expect(await call('db__drop_all', {})).toEqual({
      told: expect.stringMatching(/not available/),
      calls: 0,
    });
    expect(await call('db__query', { sql: 'x' })).toEqual({
      told: expect.stringMatching(/not available/),
      calls: 0,
    });
  });

  it('give it a deadline of its own', async () => {
    expect((await call('db__slow', {})).told).toMatch(/no answer within 0.2 s/);
  });

  it('that name no tool of the server are warned of when the server is listed', async () => {
    await waitUntil(async () => logged().includes('db.tools.nothing has no effect'), {
      timeoutMs: 5_000,
      what: 'the warning',
    });
  });
});

describe('settings of one tool, outside of a turn', () => {
  const key = { authorization: 'Bearer sk-test-carol' };

  async function overMcp<T>(
    path: string,
    ask: (client: Client) => Promise<T>,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const client = new Client({ name: 'test', version: '1' });
    const requestInit = { headers: { ...key, ...headers } };
    await client.connect(new StreamableHTTPClientTransport(new URL(stack.hook.url + path), { requestInit }));
    return ask(client).finally(() => client.close());
  }
  const callAt = (path: string, name: string, args: object, headers?: Record<string, string>): Promise<any> =>
    overMcp(path, (client) => client.callTool({ name, arguments: { ...args } }), headers);
  const callOver = async (name: string, args: object): Promise<any> => {
    const body = JSON.stringify({ arguments: args });
    const headers = { ...key, 'content-type': 'application/json' };
    return (await fetch(`${stack.hook.url}/v1/tools/${name}`, { method: 'POST', headers, body })).json();
  };

  it.each([
    ['/mcp', 'db__ask'],
    ['/mcp/db', 'ask'],
  ])('name and describe it at %s as %s, without the fixed arguments', async (path, name) => {
    const { tools } = await overMcp(path, (client) => client.listTools());
    expect(tools.find((tool) => tool.name === name)).toMatchObject({
      description: 'Asks the database.',
      inputSchema: { properties: { sql: { type: 'string' } }, required: ['sql'] },
    });
    expect(JSON.stringify(tools)).not.toMatch(/tenant|drop_all/);
  });

  it('add fixed arguments whatever is sent in their place, and tell nobody their values', async () => {
    const args = { sql: 'select 1', tenant: 'somebody-else' };
    const answers = [
      await callAt('/mcp', 'db__ask', args),
      await callAt('/mcp/db', 'ask', args),
      await callOver('db__ask', args),
    ];
    const made = fixture.calls.slice(-3);
    expect(made.map((each) => [each.name, each.arguments])).toEqual(
      Array(3).fill(['query', { sql: 'select 1', tenant }]),
    );
    expect(JSON.stringify(answers)).not.toContain(tenant);
    expect(JSON.stringify(answers)).toContain('[redacted]');
  });

  it('refuse what does not fit before the server sees it, and name the field', async () => {
    const before = fixture.calls.length;
    expect(await callAt('/mcp/db', 'ask', {})).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^The tool ask was not run: "sql" is missing/) }],
    });
    expect(await callOver('db__ask', { sql: ['a', 'b'] })).toMatchObject({
      is_error: true,
      failure: 'invalid_arguments',
      error: expect.stringMatching(/"sql" must be a string/),
    });
    expect(fixture.calls).toHaveLength(before);
    // What can only mean one thing is repaired, as in a turn.
    await callAt('/mcp', 'db__ask', { sql: 17 });
    expect(fixture.calls.at(-1)?.arguments).toEqual({ sql: '17', tenant });
  });

  it('give it a deadline of its own', async () => {
    expect(await callAt('/mcp', 'db__slow', {})).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/no answer within 0.2 s/) }],
    });
  });

  it('let results be given again, but not under headers of the client for the server', async () => {
    const first = await callAt('/mcp', 'db__look', { outside: true });
    const before = fixture.calls.length;
    expect(await callAt('/mcp/db', 'look', { outside: true })).toEqual(first);
    expect(await callOver('db__look', { outside: true })).toMatchObject({ content: first.content });
    expect(fixture.calls).toHaveLength(before);
    for (const _time of [1, 2])
      await callAt('/mcp', 'db__look', { outside: true }, { 'x-mcp-db-authorization': 'Bearer own' });
    expect(fixture.calls).toHaveLength(before + 2);
  });

  it('do not let a failing tool tell a secret or how it was built', async () => {
    const masked = {
      isError: true,
      content: [{ type: 'text', text: '[redacted] was refused' }],
      structuredContent: { token: '[redacted]', at: 1 },
    };
    expect(await callAt('/mcp', 'db__leak', {})).toEqual(masked);
    expect(await callOver('db__leak', {})).toMatchObject({ error: '[redacted] was refused' });
  });
});

describe('results of a read-only tool with a cache time', () => {
  it('are given again within a scope, and not in another one', async () => {
    const first = await call('db__look', { a: 1, b: 2 });
    const again = await call('db__look', { b: 2, a: 1 });
    expect([first.calls, again.calls]).toEqual([1, 0]);
    expect(again.told).toBe(first.told);
    expect((await call('db__look', { a: 1, b: 3 })).calls).toBe(1);
    expect((await call('db__look', { a: 1, b: 2 }, 'bob')).calls).toBe(1);
  });

  it('are noted in the record of the turn', async () => {
    await call('db__look', { noted: true });
    stack.model.reset();
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'db__look', arguments: { noted: true } }] }
        : { text: 'done' },
    );
    const { response } = await stack.client().chat.completions.create(question).withResponse();
    const turn = response.headers.get('x-litellm-call-id') ?? '';
    const record: any = await (
      await fetch(`${stack.hook.url}/turns/${turn}`, { headers: { 'x-toolturn-secret': secret } })
    ).json();
    expect(record.calls).toEqual([expect.objectContaining({ tool: 'db__look', cached: true })]);
  });

  it('are not kept where they are errors', async () => {
    failing = true;
    await call('db__flaky', {});
    failing = false;
    expect((await call('db__flaky', {})).calls).toBe(1);
    expect((await call('db__flaky', {})).calls).toBe(0);
  });

  it('are not kept where the server does not call the tool read-only, which a warning says', async () => {
    await call('db__untold', {});
    expect((await call('db__untold', {})).calls).toBe(1);
    expect(logged()).toContain('db.tools.untold.cache has no effect');
  });

  it('do not keep a call from running while Redis is away', async () => {
    await stack.redis.stop();
    expect((await call('db__look', { away: true })).told).toMatch(/^seen \d+$/);
  });
});

describe('a tool whose addresses are guarded', () => {
  it.each([
    'http://169.254.169.254/latest',
    'http://2130706433/',
    'file:///etc/passwd',
    'http://[::ffff:7f00:1]/',
  ])('is not called with %s, and the model reads why', async (url) => {
    const { told, calls } = await call('db__fetch', { url });
    expect(told).toMatch(/^The tool db__fetch was not run: the address in the argument "url" /);
    expect(calls).toBe(0);
  });

  it('is called with a public address', async () => {
    expect(await call('db__fetch', { url: 'http://93.184.216.34/' })).toEqual({
      told: 'page of http://93.184.216.34/',
      calls: 1,
    });
  });
});
