import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../scripts/src/processes';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

/** Every tool there is, in the order of the catalog. */
const tools = ['db__query', 'db__execute_sql', 'web__fetch', 'logs__search'] as const;
type Tool = (typeof tools)[number];

/** One key: what LiteLLM knows of it, and the tools that it may use. */
interface Row {
  readonly key: string;
  readonly why: string;
  /** Fields of LiteLLM's `UserAPIKeyAuth`. */
  readonly facts?: object;
  readonly headers?: Record<string, string>;
  readonly may: readonly Tool[];
}

const everything: readonly Tool[] = ['db__query', 'web__fetch', 'logs__search'];

const spelledOut: Row = { key: 'spelled_out', why: 'a rule names the key itself', may: ['db__query'] };

const rows: readonly Row[] = [
  {
    key: 'nightly',
    why: 'a rule names its alias; the tool that is denied to all stays away',
    may: ['db__query'],
  },
  spelledOut,
  { key: 'web1', why: 'a rule names its team', facts: { team_id: 'team-web' }, may: ['web__fetch'] },
  {
    key: 'web2',
    why: 'a rule names its team by alias',
    facts: { team_id: 't2', team_alias: 'Web people' },
    may: ['web__fetch'],
  },
  { key: 'logger', why: 'a rule names its user, and a group of servers', may: ['logs__search'] },
  {
    key: 'nightly',
    why: 'grants of key and team add up',
    facts: { key_alias: 'nightly', team_id: 'team-web' },
    may: ['db__query', 'web__fetch'],
  },
  { key: 'patterns', why: 'a rule names tools', may: ['db__query', 'web__fetch'] },
  { key: 'limited', why: 'a rule limits an argument, which is as it may be', may: ['db__query'] },
  { key: 'stranger', why: 'no rule names it, and the default is none', may: [] },
  { key: 'nothing', why: 'a rule names it and grants no server', may: [] },
  { key: 'granted', why: 'a rule grants every server', may: everything },
  {
    key: 'granted',
    why: 'LiteLLM grants it one server, by alias',
    facts: { object_permission: { mcp_servers: ['db'] } },
    may: ['db__query'],
  },
  {
    key: 'granted',
    why: 'LiteLLM grants it one server, by name',
    facts: { object_permission: { mcp_servers: ['db_main'] } },
    may: ['db__query'],
  },
  {
    key: 'granted',
    why: "LiteLLM grants it two servers, by LiteLLM's own ids",
    facts: { object_permission: { mcp_servers: ['id:db_main', 'id:logs'] } },
    may: ['db__query', 'logs__search'],
  },
  {
    key: 'granted',
    why: 'LiteLLM grants it a group',
    facts: { object_permission: { mcp_access_groups: ['observing'] } },
    may: ['logs__search'],
  },
  {
    key: 'granted',
    why: 'LiteLLM grants it a server that Toolturn does not have',
    facts: { object_permission: { mcp_servers: ['elsewhere'] } },
    may: [],
  },
  {
    key: 'granted',
    why: 'LiteLLM has a record that is empty, which is no restriction there either',
    facts: { object_permission: { vector_stores: ['v'] } },
    may: everything,
  },
  {
    key: 'web1',
    why: 'LiteLLM grants a server that the config does not',
    facts: { team_id: 'team-web', object_permission: { mcp_servers: ['db'] } },
    may: [],
  },
  {
    key: 'granted',
    why: 'the request chooses a server',
    headers: { 'x-mcp-servers': 'web' },
    may: ['web__fetch'],
  },
  {
    key: 'nightly',
    why: 'the request chooses a server it may not use',
    headers: { 'x-mcp-servers': 'web' },
    may: [],
  },
];

/** Each row is a key of its own, under the alias that it says. */
const keyOf = (row: Row): string => `${row.key}${rows.indexOf(row)}`;
const facts = rows.map((row) => [
  keyOf(row),
  { key_alias: row.key, user_id: `user-${row.key}`, ...row.facts },
]);

const access = {
  default: 'none',
  rules: [
    { keys: ['nightly', `sk-test-${keyOf(spelledOut)}`], servers: ['db'] },
    { teams: ['team-web', 'Web people'], servers: ['web'] },
    { users: ['user-logger'], access_groups: ['observing'] },
    { keys: ['granted'], servers: ['*'] },
    { keys: ['patterns'], tools: { allow: ['*__fetch', 'db__*'] } },
    { keys: ['*'], tools: { deny: ['*__execute_sql'] } },
    { keys: ['nothing'], servers: [] },
    { keys: ['limited'], servers: ['db'], parameters: { db__query: { database: ['a', 'b'] } } },
  ],
};

let fixtures: Record<'db' | 'web' | 'logs', HttpFixture>;
let stack: Stack;
const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello?' }] };

beforeAll(async () => {
  const inputSchema = { type: 'object', properties: { database: { type: 'string' } } };
  const fixture = (...names: string[]) =>
    startHttpFixture({ tools: names.map((name) => ({ name, inputSchema })) });
  fixtures = {
    db: await fixture('query', 'execute_sql'),
    web: await fixture('fetch'),
    logs: await fixture('search'),
  };
  stack = await startStack({
    servers: {
      db_main: { url: fixtures.db.url, transport: 'http', alias: 'db' },
      web: { url: fixtures.web.url, transport: 'http' },
      logs: { url: fixtures.logs.url, transport: 'http', access_groups: ['observing'] },
    },
    toolturn: { access },
    env: { KEY_FACTS: JSON.stringify(Object.fromEntries(facts)) },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  for (const each of Object.values(fixtures ?? {})) await each.stop();
});

const ran = (): string[] =>
  Object.entries(fixtures).flatMap(([server, { calls }]) => calls.map((call) => `${server}__${call.name}`));

const forget = (): void => {
  stack.model.reset();
  for (const { calls } of Object.values(fixtures)) calls.length = 0;
};

/** The model calls every tool there is, offered or not, and then answers. */
const callsEverything = (request: ModelRequest) =>
  roundsBehind(request) === 0
    ? { toolCalls: tools.map((name) => ({ name, arguments: '{"database":"a"}' })) }
    : { text: 'Done.' };

/** One way to see what a key may do: the names of the tools it gives. More of them may be put beside these. */
type View = (row: Row) => Promise<readonly string[]>;

const asked = (row: Row, stream: boolean) =>
  stack.client(keyOf(row)).chat.completions.create({ ...question, stream } as never, {
    headers: row.headers ?? {},
  }) as Promise<any>;

/** What stands in every request of a row to hook-service itself. */
const headersOf = (row: Row) => ({ ...row.headers, authorization: `Bearer sk-test-${keyOf(row)}` });

/** Asks as an MCP client; undefined where there is no such endpoint for this key. */
async function overMcp<T>(
  row: Row,
  path: string,
  ask: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const client = new Client({ name: 'test', version: '1' });
  const requestInit = { headers: headersOf(row) };
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(stack.hook.url + path), { requestInit }));
  } catch (error) {
    expect(error).toMatchObject({ code: 404 });
    return undefined;
  }
  try {
    return await ask(client);
  } finally {
    await client.close();
  }
}

const listed = async (client: Client): Promise<string[]> =>
  (await client.listTools()).tools.map(({ name }) => name);

/** Calls each of these tools; one that is not there is an error. */
const callEach = (names: readonly string[]) => async (client: Client) => {
  for (const name of names)
    await client
      .callTool({ name, arguments: { database: 'a' } })
      .catch((error: unknown) => expect(error).toMatchObject({ code: -32602 }));
};

/** Each server's tools under their bare names. */
const byServer = (['db', 'web', 'logs'] as const).map(
  (server) =>
    [
      server,
      tools.filter((name) => name.startsWith(server)).map((name) => name.slice(server.length + 2)),
    ] as const,
);

const views: Record<string, View> = {
  'is offered to the model': async (row) => {
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await asked(row, false);
    return toolNames(stack.model.requests[0]);
  },
  runs: async (row) => {
    stack.model.answerWith(callsEverything);
    // Without an offer a turn is none of ours, and the client gets the calls: nothing runs.
    await asked(row, false);
    return ran();
  },
  'runs in a stream': async (row) => {
    stack.model.answerWith(callsEverything);
    for await (const _chunk of await asked(row, true));
    return ran();
  },
  'is listed at /v1/tools': async (row) => {
    const answer = await fetch(`${stack.hook.url}/v1/tools`, { headers: headersOf(row) });
    return ((await answer.json()) as any).data.map((tool: any) => tool.function.name);
  },
  'runs at /v1/tools': async (row) => {
    for (const name of tools)
      await fetch(`${stack.hook.url}/v1/tools/${name}`, {
        method: 'POST',
        headers: { ...headersOf(row), 'content-type': 'application/json' },
        body: '{"arguments":{"database":"a"}}',
      });
    return ran();
  },
  'is listed at /mcp': async (row) => (await overMcp(row, '/mcp', listed)) ?? ['no endpoint'],
  'runs at /mcp': async (row) => {
    await overMcp(row, '/mcp', callEach(tools));
    return ran();
  },
  'is listed at /mcp/<server>': async (row) => {
    const found: string[] = [];
    for (const [server] of byServer) {
      const names = (await overMcp(row, `/mcp/${server}`, listed)) ?? [];
      found.push(...names.map((name) => `${server}__${name}`));
    }
    return found;
  },
  'runs at /mcp/<server>': async (row) => {
    for (const [server, names] of byServer) await overMcp(row, `/mcp/${server}`, callEach(names));
    return ran();
  },
};

describe.each(rows.map((row) => [row.key, row.why, row] as const))('a key %s: %s', (_key, _why, row) => {
  it.each(Object.keys(views))('what %s is what it may use', async (view) => {
    forget();
    expect([...((await views[view]?.(row)) ?? [])].sort()).toEqual([...row.may].sort());
  });
});

/** What the model got for its calls, and what hook-service wrote about them. */
async function answersTo(row: Row, calls: { name: string; arguments: string }[]) {
  forget();
  const before = auditLines().length;
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 ? { toolCalls: calls } : { text: 'Done.' },
  );
  await asked(row, false);
  const written = () => auditLines().slice(before);
  await waitUntil(async () => written().some(({ message }) => message === 'turn finished'), {
    timeoutMs: 10_000,
    what: 'the line on the turn',
  });
  return { results: lastResults(stack.model.requests[1] as ModelRequest), audit: written() };
}

const auditLines = (): any[] =>
  readFileSync(join(stack.dir, 'hook-service.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"denied"') && !line.includes('"message":"tool call"'))
    .map((line) => JSON.parse(line));

const rowOf = (key: string): Row => rows.find((row) => row.key === key) as Row;

describe('a call that the caller may not make', () => {
  it('reads like a tool that does not exist, reaches no server, and is written down without arguments', async () => {
    const args = '{"database":"a-secret-argument"}';
    const { results, audit } = await answersTo(rowOf('nightly'), [
      { name: 'web__fetch', arguments: args },
      { name: 'web__nonsense', arguments: args },
    ]);
    const [denied, unknown] = results;
    expect(denied?.replaceAll('web__fetch', 'X')).toBe(unknown?.replaceAll('web__nonsense', 'X'));
    expect(denied).toContain('it is not available');
    expect(ran()).toEqual([]);
    const line = audit.find((each) => each.decision === 'denied');
    expect(line).toMatchObject({ key_alias: 'nightly', tool: 'web__fetch', reason: 'tool' });
    expect(JSON.stringify(audit)).not.toContain('a-secret-argument');
    // Counted as what it was: the tool that does not exist is another kind of failure.
    expect(audit.find((each) => each.message === 'turn finished')?.failures).toEqual([
      'denied',
      'unknown_tool',
    ]);
  });

  it('is refused for a value that is not on the list, with the values that are', async () => {
    const row = rowOf('limited');
    const { results, audit } = await answersTo(row, [
      { name: 'db__query', arguments: '{"database":"salaries"}' },
      { name: 'db__query', arguments: '{}' },
      { name: 'db__query', arguments: '{"database":"b"}' },
    ]);
    const refusal = 'The tool db__query was not run: the argument "database" must be one of "a", "b".';
    expect(results.slice(0, 2)).toEqual([refusal, refusal]);
    expect(fixtures.db.calls.map((call) => call.arguments)).toEqual([{ database: 'b' }]);
    expect(audit[0]).toMatchObject({ decision: 'denied', reason: 'argument', tool: 'db__query' });
    expect(JSON.stringify(audit)).not.toContain('salaries');
  });

  it('is refused and written down outside of a turn as well, under the name in the catalog', async () => {
    forget();
    const before = auditLines().length;
    const row = rowOf('limited');
    const args = { database: 'salaries' };
    const refused = await overMcp(row, '/mcp/db', (client) =>
      client.callTool({ name: 'query', arguments: args }),
    );
    expect(refused).toEqual({
      isError: true,
      content: [
        {
          type: 'text',
          text: 'The tool query was not run: the argument "database" must be one of "a", "b".',
        },
      ],
    });
    await overMcp(rowOf('granted'), '/mcp/db', callEach(['execute_sql', 'nonsense']));
    expect(ran()).toEqual([]);
    // A tool that nobody has was denied to nobody.
    expect(auditLines().slice(before)).toEqual([
      expect.objectContaining({ reason: 'argument', tool: 'db__query', key_alias: 'limited' }),
      expect.objectContaining({ reason: 'tool', tool: 'db__execute_sql', key_alias: 'granted' }),
    ]);
    expect(JSON.stringify(auditLines())).not.toContain('salaries');
  });

  it('is not suggested either: the schema names the values', async () => {
    forget();
    await views['is offered to the model']?.(rowOf('limited'));
    const [tool] = (stack.model.requests[0]?.body['tools'] ?? []) as any[];
    expect(tool.function.parameters).toMatchObject({
      properties: { database: { type: 'string', enum: ['a', 'b'] } },
      required: ['database'],
    });
  });
});

describe('x-mcp-servers with a name that is not known', () => {
  it.each(['nonsense', 'db,nonsense', 'DB'])('is an error for %s, and never everything', async (names) => {
    forget();
    const row = { ...rowOf('granted'), headers: { 'x-mcp-servers': names } };
    await expect(
      stack.client('granted9').chat.completions.create(question, { headers: row.headers }),
    ).rejects.toMatchObject({ status: 400 });
    expect(stack.model.requests).toHaveLength(0);
  });
});
