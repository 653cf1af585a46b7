// An MCP server (SDK 1.x) in a process of its own whose one tool appends a line to a file, to be killed at any time.
//   node append-server.mjs stdio|http|sse <file to append to> <file for its pid> [port]
// The tool takes a while before the line and behind it, so that a kill meets a call at any point.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [kind, file, pids, port] = process.argv.slice(2);
const sessions = new Map();
const longest = 200;
appendFileSync(pids, `${process.pid}\n`);

function appender() {
  const server = new Server({ name: 'append', version: '1.0.0' }, { capabilities: { tools: {} } });
  const inputSchema = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'append', description: 'Appends a line.', inputSchema }],
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    await pause(Math.random() * longest);
    appendFileSync(file, `${params.arguments.id}\n`);
    await pause(Math.random() * longest);
    return { content: [{ type: 'text', text: `appended ${params.arguments.id}` }] };
  });
  return server;
}

async function overHttp(request, response) {
  const id = request.headers['mcp-session-id'];
  let transport = sessions.get(id);
  if (id !== undefined && transport === undefined) return response.writeHead(404).end();
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => sessions.set(session, transport),
    });
    await appender().connect(transport);
  }
  return transport.handleRequest(request, response);
}

async function overSse(request, response) {
  const url = new URL(request.url, 'http://append');
  if (request.method === 'GET') {
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    response.once('close', () => sessions.delete(transport.sessionId));
    return appender().connect(transport);
  }
  const transport = sessions.get(url.searchParams.get('sessionId'));
  return transport === undefined
    ? response.writeHead(404).end()
    : transport.handlePostMessage(request, response);
}

if (kind === 'stdio') await appender().connect(new StdioServerTransport());
else {
  const handle = kind === 'sse' ? overSse : overHttp;
  createServer((request, response) => handle(request, response).catch(() => response.destroy())).listen(
    Number(port),
    '127.0.0.1',
  );
}
