import { createHash } from 'node:crypto';
import { sampleCatalog } from '../../../tests/support/sample-catalog';
import { indexTools } from '../search/tool-search';
import { isBuiltin, type Reach } from './builtin';
import type { Caller } from './caller';
import type { ClientTools, OfferedTool } from './dialect';
import type { JsonObject } from './json';
import { OfferBook, type OfferOptions } from './offer';
import type { HostTool, ToolHost } from './ports';
import { estimateTokens } from './search-catalog';
import type { ServerConfig } from './servers';

const big = sampleCatalog(500);
const small = big.filter((tool) => tool.server === 'memory');
const alice = createHash('sha256').update('sk-alice').digest('hex');

function server(name: string, allowedKeyHashes?: string[]): ServerConfig {
  return {
    transport: 'http',
    name,
    publicName: name,
    url: 'http://h/mcp',
    headers: {},
    timeoutMs: 1000,
    requireApproval: 'never',
    ...(allowedKeyHashes === undefined ? {} : { allowedKeyHashes }),
  };
}

/** The servers of these tools; those in `closed` are open to alice only. */
function serversOf(tools: readonly HostTool[], closed: readonly string[] = []): ServerConfig[] {
  return [...new Set(tools.map((tool) => tool.server))].map((name) =>
    server(name, closed.includes(name) ? [alice] : undefined),
  );
}

const search = { aboveTokens: 6000, pinned: [] as string[], indexTools };

function bookOf(
  tools: readonly HostTool[],
  options: OfferOptions = { search, readMore: true },
  closed?: readonly string[],
): OfferBook {
  const catalog = { version: 1, tools };
  const host: ToolHost = { catalog: () => catalog, call: async () => ({ content: [] }) };
  return new OfferBook(host, serversOf(tools, closed), options);
}

const clientWith = (...names: string[]): ClientTools => ({
  requested: false,
  count: names.length,
  names: new Set(names),
  opaque: false,
});

function offered(
  book: OfferBook,
  more: {
    caller?: Caller;
    client?: ClientTools;
    selects?: (tool: HostTool) => boolean;
    body?: JsonObject;
    readsOn?: boolean;
  } = {},
): readonly OfferedTool[] {
  const decision = book.decide({ caller: {}, mode: 'auto', client: clientWith(), ...more });
  return decision.offer ? decision.tools : [];
}

const namesOf = (tools: readonly OfferedTool[]): string[] => tools.map((tool) => tool.name);

function reachOf(book: OfferBook, caller: Caller = {}, selects?: (tool: HostTool) => boolean): Reach {
  const tool = book.resolve(caller, 'call_tool', selects);
  if (tool === undefined || !isBuiltin(tool)) throw new Error('call_tool is not there');
  return tool.reach;
}

describe('the offer', () => {
  it('of a small catalog is the catalog, and read_more behind it once a result was cut', () => {
    const catalog = small.map((tool) => `memory__${tool.tool}`);
    expect(namesOf(offered(bookOf(small)))).toEqual(catalog);
    expect(namesOf(offered(bookOf(small), { readsOn: true }))).toEqual([...catalog, 'read_more']);
  });

  it('has nothing of ours where there is no tool, and no read_more where nothing is kept', () => {
    expect(offered(bookOf([]))).toEqual([]);
    expect(namesOf(offered(bookOf(small, {}), { readsOn: true }))).not.toContain('read_more');
  });

  it('of 500 tools is two tools of less than 2,000 tokens', () => {
    const tools = offered(bookOf(big));
    expect(namesOf(tools)).toEqual(['search_tools', 'call_tool']);
    const tokens = tools.reduce((sum, tool) => sum + estimateTokens(tool), 0);
    process.stdout.write(`offer of 500 tools: about ${tokens} tokens by our own estimate\n`);
    expect(tokens).toBeLessThan(2000);
  });

  it('counts what this caller may use and this request selects, nothing else', () => {
    const closed = [...new Set(big.map((tool) => tool.server))].filter((name) => name !== 'memory');
    const book = bookOf(big, { search }, closed);
    expect(namesOf(offered(book))).toEqual(small.map((tool) => `memory__${tool.tool}`));
    expect(namesOf(offered(book, { caller: { key: alice } }))).toEqual(['search_tools', 'call_tool']);
    const selects = (tool: HostTool): boolean => tool.server === 'memory';
    expect(namesOf(offered(book, { caller: { key: alice }, selects }))).toHaveLength(small.length);
  });

  it('names the servers there are, within bounds', () => {
    const [first] = offered(bookOf(big), { selects: (tool) => tool.server !== 'github' });
    expect(first?.host.description).toContain('filesystem, memory');
    expect(first?.host.description).not.toContain('github');
    const many = Array.from({ length: 400 }, (_, i) => ({
      server: `a_rather_long_server_name_${i}`,
      tool: 'look',
      description: 'x'.repeat(200),
      inputSchema: {},
    }));
    const [wide] = offered(bookOf(many));
    expect(wide?.host.description).toMatch(/a_rather_long_server_name_0,.* and \d+ more/);
    expect(wide?.host.description?.length).toBeLessThan(1500);
  });

  it('keeps pinned tools, in the order of the catalog', () => {
    const book = bookOf(big, { search: { ...search, pinned: ['github__*_issue', 'fetch__fetch'] } });
    expect(namesOf(offered(book))).toEqual([
      'search_tools',
      'call_tool',
      'github__create_issue',
      'github__update_issue',
      'github__get_issue',
      'fetch__fetch',
    ]);
  });

  it('pins by name only what the pattern means', () => {
    const book = bookOf(big, { search: { ...search, pinned: ['fetch.fetch', 'github__(.*)'] } });
    expect(namesOf(offered(book))).toEqual(['search_tools', 'call_tool']);
  });

  it('keeps tools used earlier in the order of their first use, however they were called', () => {
    const call = (name: string, args: string): JsonObject => ({ function: { name, arguments: args } });
    const body = {
      messages: [
        { role: 'user', content: 'fetch__fetch' },
        {
          role: 'assistant',
          tool_calls: [
            call('call_tool', '{"name": "monitoring__search_logs", "arguments": {}}'),
            call('github__get_issue', '{}'),
            call('gone__tool', '{}'),
            call('call_tool', 'no json'),
            call('monitoring__search_logs', '{}'),
          ],
        },
      ],
    };
    const book = bookOf(big);
    const names = ['search_tools', 'call_tool', 'monitoring__search_logs', 'github__get_issue'];
    expect(namesOf(offered(book, { body }))).toEqual(names);
    const selects = (tool: HostTool): boolean => tool.server !== 'monitoring';
    expect(namesOf(offered(book, { body, selects }))).not.toContain('monitoring__search_logs');
  });

  it('stays below 2,000 tokens when a conversation has used every tool', () => {
    const body = {
      messages: big.map((tool) => ({
        tool_calls: [{ function: { name: `${tool.server}__${tool.tool}`, arguments: '{}' } }],
      })),
    };
    const tools = offered(bookOf(big), { body });
    expect(tools.length).toBeGreaterThan(10);
    expect(tools.reduce((sum, tool) => sum + estimateTokens(tool), 0)).toBeLessThan(2000);
  });

  it('leaves the client its own names', () => {
    const client = clientWith('search_tools', 'read_more');
    const tools = offered(bookOf(big), { client, readsOn: true });
    expect(namesOf(tools)).toEqual(['toolturn__search_tools', 'call_tool', 'toolturn__read_more']);
    expect(tools[1]?.host.description).toContain('toolturn__search_tools');
    const both = clientWith('search_tools', 'toolturn__search_tools');
    expect(offered(bookOf(big), { client: both })).toEqual([]);
  });

  it('has nothing of a server whose tools the client lists itself, under whatever name', () => {
    const servers = (name: string): Set<string> =>
      new Set(offered(bookOf(big, {}), { client: clientWith(name) }).map(({ host }) => host.server));
    expect(servers('mcp__github__get_issue')).not.toContain('github');
    expect(servers('github__get_issue')).not.toContain('github');
    expect(servers('get_issue')).toContain('github');
  });
});

describe('what call_tool and search_tools reach', () => {
  const book = bookOf(big, { search }, ['github']);

  it('is what the caller may use', () => {
    expect(reachOf(book).find('github__get_issue')).toBeUndefined();
    expect(reachOf(book, { key: alice }).find('github__get_issue')).toMatchObject({ tool: 'get_issue' });
    const found = reachOf(book).search('issues of a GitHub repository', 20);
    expect(found.map(({ host }) => host.server)).not.toContain('github');
    expect(reachOf(book).servers()).not.toContain('github');
    expect(reachOf(book).nearest('github__get_issue').join()).not.toContain('github');
  });

  it('is what the request selects', () => {
    const reach = reachOf(book, { key: alice }, (tool) => tool.server === 'memory');
    expect(reach.find('github__get_issue')).toBeUndefined();
    expect(new Set(reach.search('search', 20).map(({ host }) => host.server))).toEqual(new Set(['memory']));
    expect(reach.servers()).toEqual(['memory']);
  });

  it('is no tool of ours, and nothing that is inherited', () => {
    for (const name of ['call_tool', 'search_tools', 'read_more', '__proto__', 'constructor', 'toString'])
      expect(reachOf(book).find(name)).toBeUndefined();
  });

  it('has names near to a wrong one', () => {
    expect(reachOf(book, { key: alice }).nearest('github__creat_issue')).toContain('github__create_issue');
    expect(reachOf(book, { key: alice }).nearest('create_issue')).toContain('github__create_issue');
  });
});
