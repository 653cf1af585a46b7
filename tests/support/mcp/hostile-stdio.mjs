// A stdio MCP server for tests that behaves badly, written on bare lines because no SDK would do this. Its mode is its
// first argument:
//   normal   its tools answer by name:
//            greet: answers; big: a text of so many bytes on one line; shout: writes so many bytes to stderr, then
//            answers; late: answers only after it was cancelled; flood: sends so many notifications, then answers;
//            listings: how often its tools were listed;
//            strangers: sends answers that nobody asked for and its own twice; args: what it was started with
//   exit-0   ends at once with exit code 0
//   modern   answers initialize with a revision that has no initialize
//   strange  answers calls with a type of result that does not exist
import { createInterface } from 'node:readline';

const [mode = 'normal', ...rest] = process.argv.slice(2);
if (mode === 'exit-0') process.exit(0);

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const drained = (stream, chunk) => new Promise((resolve) => stream.write(chunk, resolve));
const waiting = new Set();
let listings = 0;

const tools = {
  greet: () => text('hello'),
  listings: () => text(String(listings)),
  args: () => text(JSON.stringify(rest)),
  big: ({ bytes }) => text('x'.repeat(bytes)),
  async shout({ bytes }) {
    const line = `${'e'.repeat(199)}\n`.repeat(5_000);
    for (let written = 0; written < bytes; written += line.length) await drained(process.stderr, line);
    return text('shouted');
  },
  async flood({ count }) {
    const methods = ['notifications/message', 'notifications/progress', 'notifications/unheard-of'];
    const params = { level: 'info', data: 'noise', progressToken: 'nobody', progress: 1 };
    for (let sent = 0; sent < count; sent += 300) {
      const batch = Array.from({ length: 300 }, (_, index) => ({
        jsonrpc: '2.0',
        method: index === 0 ? 'notifications/tools/list_changed' : methods[index % 3],
        params: index === 0 ? undefined : params,
      }));
      await drained(process.stdout, batch.map((each) => `${JSON.stringify(each)}\n`).join(''));
    }
    return text('flooded');
  },
  strangers(_args, id) {
    for (const other of [987_654, 'nobody', null]) send({ id: other, result: text('of nobody') });
    send({ id, result: text('mine') });
    return text('mine again');
  },
  late: (_args, id) => void waiting.add(id),
};

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: mode === 'modern' ? '2026-07-28' : protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'hostile', version: '1' },
  }),
  ping: () => ({}),
  'tools/list': () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
  }),
  'tools/call': ({ name, arguments: args }, id) =>
    mode === 'strange' ? { resultType: 'hologram', ...text('hello') } : tools[name](args ?? {}, id),
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, method, params = {} } = JSON.parse(line);
  if (method === 'notifications/cancelled' && waiting.delete(params.requestId)) {
    send({ id: params.requestId, result: text('too late') });
  }
  if (id === undefined || method === undefined) return;
  const handler = methods[method];
  if (handler === undefined) return send({ id, error: { code: -32601, message: 'Method not found' } });
  const result = await handler(params, id);
  if (result !== undefined) send({ id, result });
});
