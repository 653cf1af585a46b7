// An MCP server on stdio with one tool that only reads.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer({ name: 'word', version: '1.0.0' });
server.registerTool(
  'say_word',
  { description: 'Says the word of the day.', annotations: { readOnlyHint: true } },
  () => ({ content: [{ type: 'text', text: 'The word of the day is heron.' }] }),
);
await server.connect(new StdioServerTransport());
