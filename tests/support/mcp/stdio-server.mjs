// A stdio MCP server for tests (SDK 1.x). Its mode is its first argument:
//   normal     greet: answers; crash: exits within the call; hang: never answers; env: its environment;
//              fork: starts a child of its own and answers with its pid; garble: breaks off in its answer; pid: its own pid; ask: elicits a name from
//              the client and answers with it; wait: reports progress, then waits until it is cancelled, which it
//              says on stderr; say: writes an MCP log message
//   exit       exits at once
//   junk       writes text to stdout and stderr before and between messages
//   hang       reads and never answers, not even the handshake
//   slow       waits for the file that is its third argument before it speaks
//   stubborn   like normal, but ignores the end of stdin and SIGTERM
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';

const [mode = 'normal', startsFile, gateFile] = process.argv.slice(2);
if (startsFile !== undefined) appendFileSync(startsFile, `${process.pid}\n`);
if (mode === 'exit') process.exit(3);
if (mode === 'junk') {
  process.stdout.write('Welcome to the junk server!\n\n{not json}\n');
  process.stderr.write('junk on stderr\n');
}
if (mode === 'stubborn') {
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 1_000);
}

if (mode === 'hang') {
  process.stdin.resume();
} else {
  while (mode === 'slow' && !existsSync(gateFile)) await new Promise((resolve) => setTimeout(resolve, 20));
  const server = new McpServer(
    { name: 'stdio-fixture', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  );
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  server.registerTool('greet', {}, () => {
    if (mode === 'junk') process.stdout.write('junk in between\n');
    return text('hello');
  });
  server.registerTool('crash', {}, () => process.exit(7));
  server.registerTool('hang', {}, () => new Promise(() => {}));
  server.registerTool('env', {}, () => text(JSON.stringify(process.env)));
  server.registerTool('fork', {}, () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    return text(String(child.pid));
  });
  server.registerTool('garble', {}, ({ requestId }) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(requestId)},"result":{"raw-secret\n`);
    return new Promise(() => {});
  });
  server.registerTool('pid', {}, () => text(String(process.pid)));
  server.registerTool('ask', {}, async () => {
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
    const answer = await server.server.elicitInput({ message: 'Who are you?', requestedSchema });
    return text(`You are ${answer.content?.name}`);
  });
  server.registerTool('wait', {}, async ({ signal, _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken;
    if (progressToken !== undefined) {
      await sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, total: 2 },
      });
    }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    process.stderr.write('the call was cancelled\n');
    return text('never read');
  });
  server.registerTool('say', {}, async () => {
    await server.sendLoggingMessage({ level: 'info', data: 'said' });
    return text('said');
  });
  await server.connect(new StdioServerTransport());
}
