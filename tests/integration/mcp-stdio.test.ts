import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ToolResult } from '../../hook-service/src/core/ports';
import type { StdioServer } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import { memoryLog, stdioServer } from '../support/mcp/servers';

const script = stdioServer('one', 'normal').args[0] ?? '';

describe('a stdio server', () => {
  let host: McpToolHost;
  let folder: string;
  let log = memoryLog();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'toolturn-mcp-'));
    log = memoryLog();
  });
  afterEach(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });

  const startsFile = () => join(folder, 'starts');
  const pids = () => readFileSync(startsFile(), 'utf8').trim().split('\n').map(Number);

  async function start(
    mode: string,
    server: Partial<StdioServer> = {},
    options: Partial<ToolHostOptions> = {},
  ) {
    const args = [script, mode, startsFile()];
    host = createToolHost({ servers: [stdioServer('one', mode, { args, ...server })], log, ...options });
    host.start();
    await host.ready(10_000);
  }

  const call = (tool: string, timeoutMs = 8_000) =>
    host.call({ server: 'one', tool, arguments: {}, signal: new AbortController().signal, timeoutMs });
  const text = (result: ToolResult) => {
    const part = result.content[0];
    return part?.type === 'text' ? part.text : '';
  };

  test('answers calls; its process is gone after the host is closed', async () => {
    await start('normal');
    expect(text(await call('greet'))).toBe('hello');
    const [pid] = pids();
    await host.close();
    expect(isRunning(pid)).toBe(false);
    expect(pids()).toHaveLength(1);
  });

  test('E5: that crashes in a call fails it at once, is started again, and the next call waits for that', async () => {
    await start('normal');
    const crashed = await call('crash');
    expect(crashed).toMatchObject({ failure: 'transport' });
    expect(text(crashed)).toContain('not known whether the call ran');
    expect(text(await call('greet'))).toBe('hello');
    expect(pids()).toHaveLength(2);
  });

  test('E5: that exits at once is named with its exit code, and is not started again and again', async () => {
    await start('exit', {}, { reconnect: { initialMs: 60_000, maxMs: 60_000 } });
    expect(host.health()['one']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('exit code 3'),
    });
    expect(pids()).toHaveLength(1);
  });

  test('E5: that writes junk to stdout still answers', async () => {
    await start('junk');
    expect(text(await call('greet'))).toBe('hello');
    expect(log.entries.some((entry) => entry.fields['line'] === 'junk on stderr')).toBe(true);
  });

  test('E7: that never answers the handshake is given up with the reason, and ended', async () => {
    // Long enough for the process to note that it began, on a busy machine too.
    await start('hang', {}, { handshakeTimeoutMs: 3_000, reconnect: { initialMs: 60_000, maxMs: 60_000 } });
    expect(host.health()['one']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('timed out'),
    });
    expect(isRunning(pids()[0])).toBe(false);
  });

  test('E5: whose command does not exist is named as not found', async () => {
    await start('normal', { command: 'no-such-command-here' });
    expect(host.health()['one']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('Command not found: no-such-command-here'),
    });
  });

  test('D5: gets its declared environment and nothing of ours', async () => {
    process.env['TOOLTURN_TEST_SECRET'] = 'secret';
    try {
      await start('normal', { env: { DECLARED: 'yes' } });
      const environment: unknown = JSON.parse(text(await call('env')));
      expect(environment).toMatchObject({ DECLARED: 'yes', PATH: process.env['PATH'] });
      expect(environment).not.toHaveProperty('TOOLTURN_TEST_SECRET');
    } finally {
      delete process.env['TOOLTURN_TEST_SECRET'];
    }
  });

  test('E5: that ignores the end of stdin and SIGTERM is gone within the five seconds of a close', async () => {
    await start('stubborn');
    const [pid] = pids();
    const before = Date.now();
    await host.close();
    expect(isRunning(pid)).toBe(false);
    expect(Date.now() - before).toBeLessThan(5_000);
  });

  test('E5: takes the processes that it started along when it ends', async () => {
    await start('normal');
    const grandchild = Number(text(await call('fork')));
    expect(isRunning(grandchild)).toBe(true);
    await host.close();
    while (isRunning(grandchild)) await new Promise(setImmediate);
  });

  test('that hangs in a call fails that call alone, at its deadline', async () => {
    await start('normal');
    expect(await call('hang', 100)).toMatchObject({ failure: 'timeout' });
    expect(text(await call('greet'))).toBe('hello');
  });

  test('E5: that is dead costs its own tools only', async () => {
    host = createToolHost({
      servers: [stdioServer('dead', 'exit'), stdioServer('alive', 'normal')],
      log,
    });
    host.start();
    await host.ready(10_000);
    expect(new Set(host.catalog().tools.map((tool) => tool.server))).toEqual(new Set(['alive']));
    expect(host.health()).toMatchObject({ dead: { state: 'failed' }, alive: { state: 'ready' } });
  });
});

/** False also for a process that has ended and waits for its parent to notice. */
function isRunning(pid: number | undefined): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
