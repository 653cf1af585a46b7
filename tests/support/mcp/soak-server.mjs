// An MCP server (SDK 1.x) in a process of its own, to be killed and started again on the same port.
//   node soak-server.mjs http|sse <port> [anything that names the process]
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const [kind, port] = process.argv.slice(2);
const sessions = new Map();

function greeter() {
  const server = new Server({ name: 'soak', version: '1.0.0' }, { capabilities: { tools: {} } });
  const tools = [{ name: 'greet', inputSchema: { type: 'object' } }];
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: 'text', text: `hello ${params.arguments?.number}` }],
  }));
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
    await greeter().connect(transport);
  }
  return transport.handleRequest(request, response);
}

async function overSse(request, response) {
  const url = new URL(request.url, 'http://soak');
  if (request.method === 'GET') {
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    return greeter().connect(transport);
  }
  const transport = sessions.get(url.searchParams.get('sessionId'));
  return transport === undefined
    ? response.writeHead(404).end()
    : transport.handlePostMessage(request, response);
}

const handle = kind === 'sse' ? overSse : overHttp;
createServer((request, response) => handle(request, response).catch(() => response.destroy())).listen(
  Number(port),
  '127.0.0.1',
);
