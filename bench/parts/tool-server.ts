/**
 * A real streamable HTTP MCP server (the official SDK), a process of its own. `/<number>/mcp` lists so many tools; the
 * first is `lookup`, which waits as long as it is told and gives the word back. Says its port on its first line.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { proof } from './script';

const sessions = new Map<string, StreamableHTTPServerTransport>();

const text = (description: string) => ({ type: 'string', description });
const lookup = {
  name: 'lookup',
  description: 'Finds what is kept under a word.',
  inputSchema: {
    type: 'object' as const,
    properties: {
      word: text('The word that it is kept under.'),
      part: text('Which part of it is wanted.'),
      wait: { type: 'number', description: 'Milliseconds that finding it may take.' },
    },
    required: ['word'],
  },
};

/** One of many, about as long as tools are. */
const other = (number: number) => ({
  name: `tool_${number}`,
  description: `Lists entries of area ${number} that match a query, newest first, with title, author and date of each.`,
  inputSchema: {
    type: 'object' as const,
    properties: {
      query: text('Words that the entries have to hold.'),
      author: text('Only entries of this author.'),
      limit: { type: 'number', description: 'How many entries at most.' },
    },
    required: ['query'],
  },
});

async function open(tools: number): Promise<StreamableHTTPServerTransport> {
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const server = new Server({ name: 'bench', version: '1.0.0' }, { capabilities: { tools: {} } });
  const list = [lookup, ...Array.from({ length: tools - 1 }, (_, index) => other(index + 1))];
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: list }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const { word, wait } = (params.arguments ?? {}) as { word?: string; wait?: number };
    if (wait !== undefined) await pause(wait);
    return { content: [{ type: 'text', text: proof(word ?? '') }] };
  });
  // The SDK's own types of the two disagree about optional fields.
  await server.connect(transport);
  return transport;
}

const listener = createServer((request, response) => {
  void (async () => {
    const id = request.headers['mcp-session-id'];
    const tools = Number(/^\/(\d+)\/mcp/.exec(request.url ?? '')?.[1] ?? 1);
    const transport = typeof id === 'string' ? sessions.get(id) : await open(tools);
    if (transport === undefined) response.writeHead(404).end();
    else await transport.handleRequest(request, response);
  })();
});
listener.keepAliveTimeout = 600_000;
listener.listen(0, '127.0.0.1', () => process.stdout.write(`${(listener.address() as AddressInfo).port}\n`));
process.stdin.resume().once('end', () => process.exit(0));
