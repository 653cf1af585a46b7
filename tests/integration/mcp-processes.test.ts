import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import { memoryLog, stdioServer } from '../support/mcp/servers';

const script = stdioServer('one', 'normal').args[0] ?? '';

describe('the processes of stdio servers', () => {
  let host: McpToolHost;
  let folder: string;
  const log = memoryLog();

  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'toolturn-processes-'))));
  afterEach(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });

  async function start(modes: readonly string[], options: Partial<ToolHostOptions> = {}) {
    const servers = modes.map((mode, index) =>
      stdioServer(`s${index}`, mode, { args: [script, mode, join(folder, 'starts')] }),
    );
    host = createToolHost({ servers, log, ...options });
    host.start();
    await host.ready(15_000);
  }
  const call = (server: string, tool: string) =>
    host.call({ server, tool, arguments: {}, signal: new AbortController().signal, timeoutMs: 10_000 });
  const starts = () => readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n');
  /** Every process that was started with this test's folder in its arguments, zombies and grandchildren included. */
  const alive = () => {
    const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
      .trim()
      .split('\n');
    const parsed = rows.map((row) => row.trim().split(/\s+/));
    const ours = new Set(parsed.filter((row) => row.join(' ').includes(folder)).map(([pid]) => pid));
    for (const [pid, parent, stat] of parsed) {
      if (ours.has(parent)) ours.add(pid);
      if (Number(parent) === process.pid && stat?.startsWith('Z')) ours.add(pid);
    }
    return [...ours];
  };

  test('E5: are all gone after the host is closed: stubborn ones, crashed ones, those they started, and no zombie is left', async () => {
    await start(['normal', 'normal', 'stubborn', 'exit', 'hang'], { handshakeTimeoutMs: 8_000 });
    const forked = await call('s0', 'fork');
    await call('s1', 'fork');
    await call('s1', 'crash');
    expect(alive()).toContain((forked.content[0] as { text: string }).text);
    await host.close();
    expect(alive()).toEqual([]);
  });

  test('E5: are one per server, however often they crash', async () => {
    await start(['normal']);
    for (let round = 0; round < 6; round += 1) {
      expect((await call('s0', 'greet')).failure).toBeUndefined();
      expect((await call('s0', 'crash')).failure).toBe('transport');
    }
    expect((await call('s0', 'greet')).failure).toBeUndefined();
    expect(starts()).toHaveLength(7);
    expect(alive()).toHaveLength(1);
  });

  test('E5: that end in vain are started a limited number of times, and then no more for the rest of the window', async () => {
    await start(['exit'], {
      reconnect: { initialMs: 1, maxMs: 5, starts: { most: 4, windowMs: 600_000 } },
    });
    while (Number(host.health()['s0']?.['attempts']) < 4) await new Promise(setImmediate);
    expect(starts()).toHaveLength(4);
    expect(host.health()['s0']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('started again in 10 min'),
    });
  });
});
