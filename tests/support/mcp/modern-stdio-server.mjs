// A stdio MCP server of 2026-07-28 for tests (SDK 2.x); it serves older clients too.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const load = createRequire(fileURLToPath(new URL('../../../hook-service/package.json', import.meta.url)));
const { McpServer } = load('@modelcontextprotocol/server');
const { serveStdio } = load('@modelcontextprotocol/server/stdio');

serveStdio(() => {
  const server = new McpServer({ name: 'modern-fixture', version: '1.0.0' }, { capabilities: { tools: {} } });
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  server.registerTool('greet', {}, () => text('hello'));
  server.registerTool('pid', {}, () => text(String(process.pid)));
  return server;
});
