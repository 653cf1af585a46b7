import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const sessions = new Map();

/** Serves MCP (SDK 1.x) at a port over `http` or `sse`; `newServer` makes a server for each session. */
export function serve(kind, port, newServer) {
  const handle = kind === 'sse' ? overSse : overHttp;
  createServer((request, response) =>
    handle(request, response, newServer).catch(() => response.destroy()),
  ).listen(port, '127.0.0.1');
}

async function overHttp(request, response, newServer) {
  const id = request.headers['mcp-session-id'];
  let transport = sessions.get(id);
  if (id !== undefined && transport === undefined) return response.writeHead(404).end();
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => sessions.set(session, transport),
    });
    await newServer().connect(transport);
  }
  return transport.handleRequest(request, response);
}

async function overSse(request, response, newServer) {
  const url = new URL(request.url, 'http://server');
  if (request.method === 'GET') {
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    response.once('close', () => sessions.delete(transport.sessionId));
    return newServer().connect(transport);
  }
  const transport = sessions.get(url.searchParams.get('sessionId'));
  return transport === undefined
    ? response.writeHead(404).end()
    : transport.handlePostMessage(request, response);
}
