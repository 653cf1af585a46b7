// An MCP server over streamable HTTP, without sessions, with one tool that only reads.
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

function wordServer() {
  const server = new McpServer({ name: 'word', version: '1.0.0' });
  server.registerTool(
    'say_word',
    { description: 'Says the word of the day.', annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: 'text', text: 'The word of the day is heron.' }] }),
  );
  return server;
}

const http = createServer(async (request, response) => {
  if (request.url === '/health') return response.end('ok');
  if (request.url !== '/mcp') return response.writeHead(404).end();
  if (request.method !== 'POST') return response.writeHead(405, { allow: 'POST' }).end();
  const server = wordServer();
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response);
});
http.listen(Number(process.env.PORT ?? 48031), process.env.HOST ?? '127.0.0.1', () =>
  console.log(`listening on ${http.address().port}`),
);
