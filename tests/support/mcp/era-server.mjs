// A stdio MCP server without an SDK, for revisions that its argument names:
//   modern-only      2026-07-28 alone: it knows no initialize
//   unknown-version  answers initialize with a revision that nobody knows
import { createInterface } from 'node:readline';

const [mode] = process.argv.slice(2);
const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
const info = { capabilities: { tools: {} }, serverInfo: { name: 'era', version: '1' } };
const modern = {
  'server/discover': { ...complete, supportedVersions: ['2026-07-28'], ...info },
  'tools/list': { ...complete, tools: [{ name: 'greet', inputSchema: { type: 'object' } }] },
  'tools/call': { resultType: 'complete', content: [{ type: 'text', text: 'hello' }] },
};
const results = mode === 'modern-only' ? modern : { initialize: { protocolVersion: '2019-01-01', ...info } };

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const answer =
    method in results
      ? { result: results[method] }
      : { error: { code: -32601, message: 'Method not found' } };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...answer }) + '\n');
});
