/** What holds for every server that was written here, whatever its upstream does. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, serverService } from '../support/compose';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { canary, namedTools, ownServers } from '../support/mcp/own-servers';

const sorted = (tools: readonly { name: string }[]): string[] => tools.map(({ name }) => name).sort();
const program = (name: string): string => join(root, 'mcp', 'dist', name, 'src', 'main.js');
const megabytesOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

describe.each(ownServers)('mcp-$name', ({ name, away, dependencies, call }) => {
  const tools = namedTools[name] ?? { offered: [], withheld: [] };
  let server: OwnServer;

  beforeAll(async () => {
    server = await startOwnServer(name, away);
  });
  afterAll(async () => server?.stop());

  it('offers the tools that mcp/tools.json names, to a client of 2025 and to one of 2026', async () => {
    const { tools: listed } = await server.client.listTools();
    expect(sorted(listed)).toEqual(tools.offered);
    expect(listed.filter(({ annotations }) => annotations?.readOnlyHint !== true)).toEqual([]);
    const newer = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await newer.connect(new ModernTransport(new URL(server.url)));
    try {
      expect(newer.getProtocolEra()).toBe('modern');
      expect(sorted((await newer.listTools()).tools)).toEqual(tools.offered);
      expect(await newer.callTool({ name: call[0], arguments: { ...call[1] } })).toMatchObject({
        isError: true,
      });
    } finally {
      await newer.close();
    }
  });

  it('describes each tool and each of its parameters for a model', async () => {
    const { tools: listed } = await server.client.listTools();
    for (const tool of listed) {
      expect(tool.description?.length).toBeGreaterThan(20);
      expect(tool.inputSchema).toMatchObject({ type: 'object' });
    }
  });

  // This one makes its tables when it may write, so it needs its database then: tests/servers/own-memory.test.ts.
  const needsDatabase = name === 'memory-postgres';
  if (!needsDatabase)
    it('adds the tools that write, and says so of them, where writing is allowed', async () => {
      const writer = await startOwnServer(name, { ...away, MCP_ALLOW_WRITE: 'true' });
      try {
        const { tools: listed } = await writer.client.listTools();
        expect(sorted(listed)).toEqual([...tools.offered, ...tools.withheld].sort());
        const writing = listed.filter(({ annotations }) => annotations?.readOnlyHint !== true);
        expect(sorted(writing)).toEqual(tools.withheld);
      } finally {
        await writer.stop();
      }
    });

  it('does the same over stdio', async () => {
    const env = { ...away, PATH: process.env['PATH'] ?? '' };
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program(name)],
      env,
      stderr: 'ignore',
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    try {
      expect(sorted((await client.listTools()).tools)).toEqual(tools.offered);
    } finally {
      await client.close();
    }
  });

  it('says as an error that its upstream is away, at /health by name, and shows no secret anywhere', async () => {
    const { isError, text } = await server.call(call[0], { ...call[1] });
    expect([isError, text]).toEqual([true, expect.stringMatching(/cannot be reached now\.$/)]);
    const health = await fetch(new URL('/health', server.url));
    const body = await health.text();
    expect([health.status, JSON.parse(body)]).toEqual([
      503,
      {
        service: `mcp-${name}`,
        status: 'failed',
        reason: expect.stringMatching(/does not answer/),
        dependencies: Object.fromEntries(dependencies.map((each) => [each, 'failed'])),
      },
    ]);
    expect(text + body + server.process.tail(1000)).not.toContain(canary);
  });

  it('stays far below the memory of its container', async () => {
    for (let i = 0; i < 50; i += 1) await server.call(call[0], { ...call[1] });
    const limit = Number(/^(\d+)m$/.exec(serverService(name).mem_limit)?.[1]);
    const used = megabytesOf(server.process.pid);
    expect(used).toBeGreaterThan(10);
    expect(used).toBeLessThan(limit / 2);
  });
});
