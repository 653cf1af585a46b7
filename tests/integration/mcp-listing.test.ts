import type { RemoteServer } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { startHttpFixture, type HttpFixture, type HttpFixtureOptions } from '../support/mcp/http-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';

describe('the tools of a server', () => {
  let fixture: HttpFixture;
  let host: McpToolHost;
  let log = memoryLog();

  async function start(options: HttpFixtureOptions, server: Partial<RemoteServer> = {}) {
    log = memoryLog();
    fixture = await startHttpFixture(options);
    host = createToolHost({ servers: [remoteServer('one', fixture.url, server)], log, refreshSpacingMs: 0 });
    host.start();
    await host.ready(5_000);
  }
  const names = () => host.catalog().tools.map((tool) => tool.tool);
  const warnings = () => log.entries.filter((entry) => entry.level === 'warn').map((entry) => entry.message);

  afterEach(async () => {
    await host.close();
    await fixture.stop();
  });

  test('D1: are all offered but the malformed ones, which a warning names', async () => {
    const tools = Array.from({ length: 19 }, (_, index) => ({ name: `tool-${index + 10}` }));
    await start({ tools, rawTools: [{ name: 'broken' }, { name: 7, inputSchema: { type: 'object' } }] });
    expect(names()).toHaveLength(19);
    expect(warnings()).toEqual([
      expect.stringContaining('Tool broken of MCP server one is not offered'),
      expect.stringContaining('Tool (without a name) of MCP server one'),
    ]);
  });

  test('are sorted by name, of all pages, with their schema as the server wrote it', async () => {
    const inputSchema = {
      $schema: 'x',
      type: 'object',
      properties: { a: { type: 'string', 'x-own': [1] } },
      required: ['a'],
    };
    await start({ tools: [{ name: 'c' }, { name: 'a', inputSchema }, { name: 'b' }], pageSize: 1 });
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(host.catalog().tools[0]?.inputSchema).toEqual(inputSchema);
    expect(fixture.counts['tools/list']).toBe(3);
  });

  test('D4: are kept up to where the pages begin to repeat', async () => {
    await start({
      tools: [],
      listTools: () => ({ tools: [{ name: 'a', inputSchema: { type: 'object' } }], nextCursor: 'same' }),
    });
    expect(names()).toEqual(['a']);
    expect(fixture.counts['tools/list']).toBe(2);
  });

  test('D4: are read from no more than 64 pages', async () => {
    let page = 0;
    await start({ tools: [], listTools: () => ({ tools: [], nextCursor: String((page += 1)) }) });
    expect(fixture.counts['tools/list']).toBe(64);
    expect(host.health()).toMatchObject({ one: { state: 'ready' } });
  });

  test('of the same name are offered once, the first one, and one that must run as a task is not', async () => {
    await start({
      tools: [
        { name: 'a', description: 'first' },
        { name: 'a', description: 'second' },
      ],
      rawTools: [{ name: 'task', inputSchema: { type: 'object' }, execution: { taskSupport: 'required' } }],
    });
    expect(host.catalog().tools).toMatchObject([{ tool: 'a', description: 'first' }]);
    expect(warnings()).toHaveLength(2);
  });

  test('are limited to the allowed ones, in the catalog and in calls', async () => {
    const tools = ['a', 'b', 'c'].map((name) => ({ name }));
    await start({ tools }, { allowedTools: ['a', 'b'], disallowedTools: ['b'] });
    expect(names()).toEqual(['a']);
    const signal = new AbortController().signal;
    const result = await host.call({ server: 'one', tool: 'b', arguments: {}, signal, timeoutMs: 1_000 });
    expect(result.failure).toBe('unknown_tool');
    expect(fixture.calls).toEqual([]);
  });

  test('are withheld where the server is switched off, and the server is not even asked', async () => {
    await start({ tools: [{ name: 'a' }] }, { settings: { enabled: false } });
    expect(names()).toEqual([]);
    expect(host.health()).toMatchObject({
      one: { state: 'disabled', reason: expect.stringContaining('enabled: false') },
    });
    expect(fixture.counts).toEqual({});
  });

  test('are there where a person is asked before they run', async () => {
    await start({ tools: [{ name: 'a' }] }, { requireApproval: 'always' });
    expect(names()).toEqual(['a']);
    expect(host.health()).toMatchObject({ one: { state: 'ready' } });
  });

  test('stay when a later listing fails, and health says so', async () => {
    await start({ tools: [{ name: 'a' }] });
    let failed!: () => void;
    const listing = new Promise<void>((resolve) => (failed = resolve));
    fixture.options.listTools = () => {
      failed();
      throw new Error('no list today');
    };
    while (fixture.requests['GET'] === undefined) await new Promise(setImmediate);
    await fixture.notifyToolsChanged();
    await listing;
    while (host.health()['one']?.state !== 'degraded') await new Promise(setImmediate);
    expect(names()).toEqual(['a']);
    expect(host.health()['one']?.reason).toContain('no list today');
  });

  test('C2: have results of every kind, known or not', async () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'image', data: 'aGk=', mimeType: 'image/png' },
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b', text: 'b' } },
      { type: 'hologram', depth: 3 },
      { type: 'image' },
    ];
    await start({ tools: [{ name: 'all', handler: () => ({ content, structuredContent: { n: 1 } }) }] });
    const signal = new AbortController().signal;
    const result = await host.call({ server: 'one', tool: 'all', arguments: {}, signal, timeoutMs: 5_000 });
    expect(result).toEqual({
      content: [
        { type: 'text', text: 'a' },
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
        { type: 'resource_link', uri: 'file:///a', name: 'a' },
        { type: 'resource', uri: 'file:///b', text: 'b' },
        { type: 'unknown', kind: 'hologram' },
        { type: 'unknown', kind: 'image' },
      ],
      structured: { n: 1 },
    });
  });

  test('C4: fail in two ways at the server: by isError, and by a JSON-RPC error without its stack and addresses', async () => {
    await start({
      tools: [
        {
          name: 'wrong',
          handler: () => ({ isError: true, content: [{ type: 'text', text: 'no such file' }] }),
        },
        {
          name: 'broken',
          handler: () => {
            throw new Error(
              'connect ECONNREFUSED 10.0.0.5:5432 http://db.internal/x\n    at Socket.f (/app/index.js:1:1)',
            );
          },
        },
      ],
    });
    const signal = new AbortController().signal;
    const call = (tool: string) =>
      host.call({ server: 'one', tool, arguments: {}, signal, timeoutMs: 5_000 });
    expect(await call('wrong')).toEqual({
      failure: 'tool_error',
      content: [{ type: 'text', text: 'no such file' }],
    });
    const broken = await call('broken');
    expect(broken.failure).toBe('protocol_error');
    expect(JSON.stringify(broken)).not.toMatch(/10\.0\.0\.5|db\.internal|index\.js/);
    expect(JSON.stringify(broken)).toContain('The tool broken');
  });
});
