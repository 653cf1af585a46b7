import { startN8n } from '../support/mcp/n8n';
import { someWorkflows } from '../support/mcp/n8n-workflows';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';

const key = 'canary-api-key';
let n8n: Awaited<ReturnType<typeof startN8n>>;
let reader: OwnServer;
let writer: OwnServer;

beforeAll(async () => {
  n8n = await startN8n(key, someWorkflows());
  reader = await start();
  writer = await start({ MCP_ALLOW_WRITE: 'true' });
});

afterAll(async () => {
  await reader?.stop();
  await writer?.stop();
  await n8n?.stop();
});

const start = (env: Record<string, string> = {}) =>
  startOwnServer('n8n', { N8N_API_URL: n8n.url, N8N_API_KEY: key, ...env });

async function answer(tool: string, args: Record<string, unknown> = {}, from = writer): Promise<any> {
  const { text, isError } = await from.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

const failure = (text: string | RegExp) => ({
  isError: true,
  text: typeof text === 'string' ? text : expect.stringMatching(text),
});

describe('the n8n server', () => {
  it('reads only, unless writing is allowed', async () => {
    const toolsOf = async (from: OwnServer) =>
      (await from.client.listTools()).tools.map((tool) => [tool.name, tool.annotations?.readOnlyHint]);
    const reading = ['list_workflows', 'get_workflow', 'list_executions', 'get_execution'];
    const writing = ['execute_workflow', 'activate_workflow', 'deactivate_workflow'];
    expect(await toolsOf(reader)).toEqual(reading.map((tool) => [tool, true]));
    expect(await toolsOf(writer)).toEqual([
      ...reading.map((tool) => [tool, true]),
      ...writing.map((tool) => [tool, false]),
    ]);
    const before = n8n.asked.length;
    for (const tool of writing)
      await expect(reader.call(tool, { workflow_id: 'a1' })).rejects.toThrow(/not found/);
    expect(n8n.asked).toHaveLength(before);
  });

  it('lists workflows with what starts them, in pages', async () => {
    const first = await answer('list_workflows', { limit: 2 }, reader);
    expect(first.workflows).toEqual([
      {
        id: 'a1',
        name: 'Print the paper',
        active: true,
        tags: ['press'],
        updated_at: null,
        nodes: 2,
        starts_with: ['Order (n8n-nodes-base.webhook)'],
      },
      expect.objectContaining({ id: 'b2', starts_with: ['Clock (n8n-nodes-base.scheduleTrigger)'] }),
    ]);
    const second = await answer('list_workflows', { limit: 3, cursor: first.next_cursor }, reader);
    expect(second.workflows.map(({ id }: any) => id)).toEqual(['c3', 'd4', 'e5']);
    expect(second.next_cursor).toBeNull();
    const found = async (args: object) =>
      (await answer('list_workflows', { ...args }, reader)).workflows.map(({ id }: any) => id);
    expect(await found({ active: false })).toEqual(['c3']);
    expect(await found({ tags: ['press'] })).toEqual(['a1']);
    expect(await found({ name: 'Locked' })).toEqual(['d4']);
  });

  it('shows one workflow, and the parameters of its nodes only on demand', async () => {
    const shown = await answer('get_workflow', { workflow_id: 'a1' }, reader);
    expect(shown).toMatchObject({ name: 'Print the paper', connections: { Order: expect.anything() } });
    expect(JSON.stringify(shown)).not.toContain('canary-parameter');
    const whole = await answer('get_workflow', { workflow_id: 'a1', parameters: true }, reader);
    expect(whole.nodes[1]).toMatchObject({ name: 'Print', parameters: { value: 'canary-parameter' } });
    expect(await reader.call('get_workflow', { workflow_id: 'x/../b2' })).toEqual(
      failure('n8n answered 404: {"message":"Not Found"}'),
    );
  });

  it('runs a workflow through its webhook, and shows what ran', async () => {
    const data = { copies: 2, name: 'Größe' };
    expect(await answer('execute_workflow', { workflow_id: 'a1', data })).toEqual({
      status: 200,
      answer: { printed: data },
    });
    expect(n8n.begun.at(-1)).toMatchObject({ method: 'POST', path: 'print/now', body: data });
    expect(n8n.begun.at(-1)?.headers).not.toHaveProperty('x-n8n-api-key');
    const { executions } = await answer('list_executions', { workflow_id: 'a1' }, reader);
    expect(executions).toEqual([
      {
        id: '1',
        workflow_id: 'a1',
        status: 'success',
        mode: 'webhook',
        started_at: '2026-01-02T03:04:05.000Z',
        stopped_at: '2026-01-02T03:04:06.000Z',
      },
    ]);
    const shown = await answer('get_execution', { execution_id: '1', results: true }, reader);
    expect(shown).toMatchObject({ status: 'success', error: null, last_node: 'Print' });
    expect(shown.results.Order.main[0][0].json.body).toEqual(data);
  });

  it('tells that a workflow failed, and why it did', async () => {
    const call = await writer.call('execute_workflow', { workflow_id: 'a1', data: { fail: true } });
    expect(call).toEqual(failure('The workflow answered 500: {"message":"Error in workflow"}'));
    const [newest] = (await answer('list_executions', { status: 'error' }, reader)).executions;
    const shown = await answer('get_execution', { execution_id: newest.id }, reader);
    expect(shown).toMatchObject({ status: 'error', error: 'The press is out of paper' });
    expect(shown).not.toHaveProperty('results');
  });

  it('switches a workflow on, runs it with a query where it takes no body, and switches it off', async () => {
    expect(await writer.call('execute_workflow', { workflow_id: 'c3' })).toEqual(
      failure('The workflow "Asleep" is not active, so its webhook does not listen.'),
    );
    expect(await answer('activate_workflow', { workflow_id: 'c3' })).toMatchObject({ active: true });
    await answer('execute_workflow', { workflow_id: 'c3', data: { at: '7', list: [1] } });
    expect(n8n.begun.at(-1)).toMatchObject({ method: 'GET', path: 'wake', query: { at: '7', list: '[1]' } });
    expect(await answer('deactivate_workflow', { workflow_id: 'c3' })).toMatchObject({ active: false });
  });

  it('gives the header to a webhook that asks for one, and says so where it has none', async () => {
    expect(await writer.call('execute_workflow', { workflow_id: 'd4' })).toEqual(
      failure(/webhook Door asks for authentication \(headerAuth\).*N8N_WEBHOOK_HEADER/),
    );
    const known = await start({ MCP_ALLOW_WRITE: 'true', N8N_WEBHOOK_HEADER: 'X-Token: let-me-in' });
    try {
      expect(await answer('execute_workflow', { workflow_id: 'd4' }, known)).toMatchObject({ status: 200 });
      await answer('execute_workflow', { workflow_id: 'a1' }, known);
      expect(n8n.begun.at(-1)?.headers).not.toHaveProperty('x-token');
    } finally {
      await known.stop();
    }
  });

  it.each([
    [
      'no webhook',
      { workflow_id: 'b2' },
      /no Webhook node.*begins with: Clock \(n8n-nodes-base.scheduleTrigger\)/,
    ],
    ['several webhooks', { workflow_id: 'e5' }, /several webhooks: name one of Out, One, Off/],
    [
      'a webhook of another name',
      { workflow_id: 'e5', webhook: 'In' },
      /no webhook "In". It has: Out, One, Off/,
    ],
    ['a path that leads out', { workflow_id: 'e5', webhook: 'Out' }, /Out has a path with parameters/],
    ['a path with parameters', { workflow_id: 'e5', webhook: 'One' }, /One has a path with parameters/],
    [
      'a method that it does not take',
      { workflow_id: 'e5', webhook: 'Off', method: 'POST' },
      /takes GET, PUT and not POST/,
    ],
  ])('runs nothing for %s, and says why', async (_, args, message) => {
    const before = n8n.begun.length;
    expect(await writer.call('execute_workflow', args)).toEqual(failure(message));
    expect(n8n.begun).toHaveLength(before);
  });

  it('says that a key is refused, and keeps the key to itself', async () => {
    const stranger = await start({ N8N_API_KEY: 'canary-wrong-key' });
    try {
      const result = await stranger.call('list_workflows');
      expect(result).toEqual(failure('n8n answered 401: {"message":"unauthorized"}'));
      expect(stranger.process.tail(100)).not.toContain('canary');
    } finally {
      await stranger.stop();
    }
  });

  it('is healthy while n8n answers', async () => {
    const health = await fetch(new URL('/health', reader.url));
    expect([health.status, await health.json()]).toEqual([
      200,
      { service: 'mcp-n8n', status: 'ok', dependencies: { n8n: 'ok' } },
    ]);
    const away = await start({ N8N_API_URL: 'http://127.0.0.1:9' });
    try {
      expect((await fetch(new URL('/health', away.url))).status).toBe(503);
      expect(await away.call('list_workflows')).toEqual(failure('n8n cannot be reached now.'));
    } finally {
      await away.stop();
    }
  });

  it('refuses a header that is none, and does not repeat it', async () => {
    const failed = await start({ N8N_WEBHOOK_HEADER: 'canary' }).catch((error: Error) => error.message);
    expect(failed).toMatch(/N8N_WEBHOOK_HEADER must be a header, as \\?"Name: value/);
    expect(failed).not.toContain('canary');
  });
});
