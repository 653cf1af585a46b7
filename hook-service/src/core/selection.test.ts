import type { Json } from './json';
import { readSelection, selects } from './selection';
import type { ServerConfig } from './servers';

const server = (name: string, publicName: string, accessGroups?: string[]): ServerConfig => ({
  name,
  publicName,
  transport: 'http',
  url: 'http://x/mcp',
  headers: {},
  timeoutMs: 1000,
  requireApproval: 'never',
  ...(accessGroups === undefined ? {} : { accessGroups }),
});
const servers = [
  server('fs_local', 'fs', ['files']),
  server('db_main', 'db'),
  server('web', 'web', ['files']),
];
const tool = (of: string, name = 'x') => ({ server: of, tool: name, inputSchema: {} });
const chosen = (headers: Record<string, string>, body: object = {}): string[] => {
  const { selection } = readSelection(headers, body as never, servers);
  return servers.map((each) => each.publicName).filter((name) => selects(selection, tool(name)));
};

describe('what a request asks for', () => {
  it('is everything where it says nothing', () => {
    expect(chosen({})).toEqual(['fs', 'db', 'web']);
    expect(chosen({ 'x-mcp-servers': ' ' })).toEqual(['fs', 'db', 'web']);
  });

  it('is chosen by x-mcp-servers, with names or aliases', () => {
    expect(chosen({ 'x-mcp-servers': 'fs_local, db' })).toEqual(['fs', 'db']);
  });

  it('is chosen by x-mcp-access-groups', () => {
    expect(chosen({ 'x-mcp-access-groups': 'files' })).toEqual(['fs', 'web']);
  });

  it('is an error with a name that is not known, never everything', () => {
    expect(() => chosen({ 'x-mcp-servers': 'nonsense' })).toThrow(
      /x-mcp-servers names an MCP server that is not known: "nonsense"/,
    );
    expect(() => chosen({ 'x-mcp-access-groups': 'nonsense' })).toThrow(/group that no MCP server is in/);
    expect(() => chosen({}, { tools: [{ type: 'mcp', server_url: 'litellm_proxy/mcp/nonsense' }] })).toThrow(
      /not known/,
    );
  });

  it.each([
    ['a server', [{ type: 'mcp', server_label: 'x', server_url: 'litellm_proxy/mcp/db_main' }], ['db']],
    ['several servers', [{ type: 'mcp', server_url: 'litellm_proxy/mcp/db,fs' }], ['fs', 'db']],
    [
      'all servers',
      [{ type: 'mcp', server_label: 'litellm', server_url: 'litellm_proxy' }],
      ['fs', 'db', 'web'],
    ],
    ['a server by its label', [{ type: 'mcp', server_label: 'web' }], ['web']],
  ])('is chosen by a declaration in tools: %s', (_what, tools, names) => {
    expect(chosen({}, { tools })).toEqual(names);
  });

  it.each<[string, Json, object | undefined]>([
    ['all of a server', 'always', { approval: 'always' }],
    ['nothing', 'never', {}],
    [
      'tools by name',
      { always: { tool_names: ['db_main-drop'] }, never: { tool_names: ['ask'] } },
      { approval: { always: ['db_main-drop'], never: ['ask'] } },
    ],
  ])('says that people are asked about %s', (_what, require_approval, wanted) => {
    const tools = [{ type: 'mcp', server_url: 'litellm_proxy/mcp/db', require_approval }];
    const { selection } = readSelection({}, { tools }, servers);
    expect(selection?.servers).toEqual([{ server: 'db', ...wanted }]);
  });

  it('is cut by both where a header and a declaration speak', () => {
    expect(
      chosen(
        { 'x-mcp-servers': 'fs,db' },
        { tools: [{ type: 'mcp', server_url: 'litellm_proxy/mcp/db,web' }] },
      ),
    ).toEqual(['db']);
  });

  it.each([['query'], ['db__query'], ['db-query']])(
    'holds the tools that a declaration allows, written as %s',
    (name) => {
      const body = { tools: [{ type: 'mcp', server_url: 'litellm_proxy/mcp/db', allowed_tools: [name] }] };
      const { selection } = readSelection({}, body, servers);
      expect([selects(selection, tool('db', 'query')), selects(selection, tool('db', 'drop'))]).toEqual([
        true,
        false,
      ]);
    },
  );

  it('is taken out of the tools that go on, and nothing else is', () => {
    const own = { type: 'function', function: { name: 'f' } };
    const remote = { type: 'mcp', server_label: 'docs', server_url: 'http://elsewhere/mcp' };
    const declared = { type: 'mcp', server_url: 'litellm_proxy' };
    expect(readSelection({}, { tools: [own, declared, remote] }, servers).body).toEqual({
      tools: [own, remote],
    });
    expect(readSelection({}, { model: 'm', tools: [declared] }, servers).body).toEqual({ model: 'm' });
    const untouched = { tools: [own] };
    expect(readSelection({}, untouched, servers).body).toBe(untouched);
  });
});
