// An MCP server (SDK 1.x) in a process of its own whose one tool appends a line to a file, to be killed at any time.
//   node append-server.mjs stdio|http|sse <file to append to> <file for its pid> [port]
// The tool takes a while before the line and behind it, so that a kill meets a call at any point.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '../support/mcp/sdk-transports.mjs';

const [kind, file, pids, port] = process.argv.slice(2);
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

if (kind === 'stdio') await appender().connect(new StdioServerTransport());
else serve(kind, Number(port), appender);
