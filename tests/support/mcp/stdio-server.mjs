// A stdio MCP server for tests (SDK 1.x). Its mode is its first argument:
//   normal     greet: answers; crash: exits within the call; hang: never answers; env: its environment;
//              fork: starts a child of its own and answers with its pid
//   exit       exits at once
//   junk       writes text to stdout and stderr before and between messages
//   hang       reads and never answers, not even the handshake
//   stubborn   like normal, but ignores the end of stdin and SIGTERM
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

const [mode = 'normal', startsFile] = process.argv.slice(2);
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
  const server = new McpServer({ name: 'stdio-fixture', version: '1.0.0' });
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
  await server.connect(new StdioServerTransport());
}
