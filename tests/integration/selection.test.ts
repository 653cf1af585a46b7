import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { toolNames } from '../support/tools';

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello?' }] };

let fixtures: HttpFixture[];
let stack: Stack;

beforeAll(async () => {
  fixtures = await Promise.all(
    ['query', 'fetch'].map((name) => startHttpFixture({ tools: [{ name }, { name: `${name}_more` }] })),
  );
  stack = await startStack({
    servers: {
      db_main: { url: fixtures[0]?.url, transport: 'http', alias: 'db', access_groups: ['data'] },
      web: { url: fixtures[1]?.url, transport: 'http' },
    },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  for (const fixture of fixtures ?? []) await fixture.stop();
});

async function offered(extra: object, headers: Record<string, string> = {}): Promise<string[]> {
  stack.model.reset();
  stack.model.answerWith(() => ({ text: 'Hello.' }));
  await stack.client().chat.completions.create({ ...question, ...extra } as never, { headers });
  return toolNames(stack.model.requests[0]);
}

const db = ['db__query', 'db__query_more'];
const web = ['web__fetch', 'web__fetch_more'];

describe('a chat request that chooses its servers', () => {
  it.each([
    ['nothing', {}, {}, [...db, ...web]],
    ['an alias in x-mcp-servers', {}, { 'x-mcp-servers': 'db' }, db],
    ['a name in x-mcp-servers', {}, { 'x-mcp-servers': 'db_main' }, db],
    ['a list in x-mcp-servers', {}, { 'x-mcp-servers': 'web, db' }, [...db, ...web]],
    ['a group in x-mcp-access-groups', {}, { 'x-mcp-access-groups': 'data' }, db],
    [
      'a declaration in tools',
      {
        tools: [
          { type: 'mcp', server_label: 'x', server_url: 'litellm_proxy/mcp/web', require_approval: 'never' },
        ],
      },
      {},
      web,
    ],
    [
      'a declaration with allowed tools',
      {
        tools: [
          {
            type: 'mcp',
            server_url: 'litellm_proxy/mcp/web',
            allowed_tools: ['fetch'],
            require_approval: 'never',
          },
        ],
      },
      {},
      ['web__fetch'],
    ],
  ])('by %s gets theirs', async (_how, extra, headers, names) => {
    expect(await offered(extra, headers)).toEqual(names);
  });

  it('gets an error for a server that is not known, and the model is not asked', async () => {
    stack.model.reset();
    const attempt = stack
      .client()
      .chat.completions.create(question, { headers: { 'x-mcp-servers': 'nonsense' } });
    await expect(attempt).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('nonsense'),
    });
    expect(stack.model.requests).toHaveLength(0);
  });

  it('gets no tools for a request beside the conversation', async () => {
    expect(await offered({ max_tokens: 1 })).toEqual([]);
  });
});
