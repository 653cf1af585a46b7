import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerConfig } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { memoryLog, remoteServer, stdioServer } from '../support/mcp/servers';

const packages = join(__dirname, '..', '..', 'node_modules', '@modelcontextprotocol');
const everything = join(packages, 'server-everything', 'dist', 'index.js');
const filesystem = join(packages, 'server-filesystem', 'dist', 'index.js');

describe('a server from npm', () => {
  let host: McpToolHost;
  const cleanups: (() => void)[] = [];

  afterEach(async () => {
    await host.close();
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  async function start(server: ServerConfig) {
    host = createToolHost({ servers: [server], log: memoryLog() });
    host.start();
    await host.ready(15_000);
  }
  const call = (tool: string, args: Record<string, string | number>, signal = new AbortController().signal) =>
    host.call({ server: 'one', tool, arguments: args, signal, timeoutMs: 10_000 });
  const tools = () => host.catalog().tools.map((tool) => tool.tool);

  async function startEverything(
    mode: 'streamableHttp' | 'sse',
  ): Promise<{ port: number; child: ChildProcess }> {
    const port = await freePort();
    return { port, child: await spawnEverything(mode, port) };
  }

  async function spawnEverything(mode: string, port: number): Promise<ChildProcess> {
    const child = spawn(process.execPath, [everything, mode], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    cleanups.push(() => child.kill('SIGKILL'));
    await new Promise<void>((resolve, reject) => {
      let output = '';
      child.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (/listening|running/i.test(output)) resolve();
      });
      child.once('exit', () => reject(new Error(`The server ended: ${output}`)));
    });
    return child;
  }

  async function endOf(child: ChildProcess): Promise<void> {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  test('filesystem: reads a file, and its refusal of a path outside is a tool error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'toolturn-fs-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'a.txt'), 'content of a');
    await start(stdioServer('one', 'normal', { args: [filesystem, folder] }));
    expect(tools()).toHaveLength(14);
    const read = await call('read_text_file', { path: join(folder, 'a.txt') });
    expect(read).toMatchObject({ content: [{ type: 'text', text: 'content of a' }] });
    expect(read.failure).toBeUndefined();
    expect((await call('read_text_file', { path: '/etc/passwd' })).failure).toBe('tool_error');
  });

  test.each(['streamableHttp', 'sse'] as const)(
    'everything by %s: runs, and is used again after a restart',
    async (mode) => {
      const { port, child } = await startEverything(mode);
      const server =
        mode === 'sse'
          ? remoteServer('one', `http://127.0.0.1:${port}/sse`, { transport: 'sse' })
          : remoteServer('one', `http://127.0.0.1:${port}/mcp`);
      await start(server);
      expect(host.health()['one']).toMatchObject({ state: 'ready', protocol: '2025-11-25' });
      expect(tools()).toContain('echo');
      expect(tools()).not.toContain('simulate-research-query');
      expect(await call('echo', { message: 'hi' })).toEqual({
        content: [{ type: 'text', text: 'Echo: hi' }],
      });
      expect((await call('get-tiny-image', {})).content.map((part) => part.type)).toContain('image');
      expect((await call('get-structured-content', { location: 'Chicago' })).structured).toBeDefined();
      expect((await call('get-sum', { a: 'x', b: 1 })).failure).toBe('tool_error');

      await endOf(child);
      await spawnEverything(mode, port);
      expect(await call('echo', { message: 'again' })).toEqual({
        content: [{ type: 'text', text: 'Echo: again' }],
      });
    },
  );

  test('everything by sse: a call in flight fails at once when the server is killed', async () => {
    const { port, child } = await startEverything('sse');
    await start(remoteServer('one', `http://127.0.0.1:${port}/sse`, { transport: 'sse' }));
    const running = call('trigger-long-running-operation', { duration: 60, steps: 2 });
    await new Promise(setImmediate);
    await call('echo', { message: 'the long call has arrived before this one' });
    await endOf(child);
    expect(await running).toMatchObject({ failure: 'transport' });
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
