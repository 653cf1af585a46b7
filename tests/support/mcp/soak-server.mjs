// An MCP server (SDK 1.x) in a process of its own, to be killed and started again on the same port.
//   node soak-server.mjs http|sse <port> [anything that names the process]
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { serve } from './sdk-transports.mjs';

const [kind, port] = process.argv.slice(2);

function greeter() {
  const server = new Server({ name: 'soak', version: '1.0.0' }, { capabilities: { tools: {} } });
  const tools = [{ name: 'greet', inputSchema: { type: 'object' } }];
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: 'text', text: `hello ${params.arguments?.number}` }],
  }));
  return server;
}

serve(kind, Number(port), greeter);
