import type { HostTool, ToolResult } from './ports';
import { ServerBulkheads } from './server-bulkheads';

const tool = (server: string): HostTool => ({ server, tool: 'read', inputSchema: { type: 'object' } });
const done: ToolResult = { content: [] };
const live = new AbortController().signal;

describe('calls at one server', () => {
  it('run so many at once, wait in a bounded queue, and are refused behind that; other servers go on', async () => {
    const bulkheads = new ServerBulkheads((server) => (server === 'slow' ? 1 : undefined));
    let running = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const run = async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
      return done;
    };
    const calls = Array.from({ length: 10 }, () => bulkheads.execute(tool('slow'), live, run));
    await expect(calls[9]).resolves.toMatchObject({
      failure: 'limit',
      content: [{ text: expect.stringContaining('too many calls wait for its server') }],
    });
    await expect(bulkheads.execute(tool('other'), live, async () => done)).resolves.toBe(done);
    for (let ended = 0; ended < 9; ended++) {
      while (ends.length === 0) await new Promise((resolve) => setImmediate(resolve));
      ends.shift()?.();
    }
    expect(await Promise.all(calls.slice(0, 9))).toEqual(Array(9).fill(done));
    expect(most).toBe(1);
  });

  it('that wait when the turn ends are not run, and the model is told', async () => {
    const bulkheads = new ServerBulkheads(() => 1);
    const turn = new AbortController();
    let end = (): void => undefined;
    const first = bulkheads.execute(
      tool('slow'),
      live,
      () => new Promise((resolve) => (end = () => resolve(done))),
    );
    const second = bulkheads.execute(tool('slow'), turn.signal, async () => {
      throw new Error('must not run');
    });
    turn.abort();
    expect(await second).toMatchObject({ failure: 'timeout' });
    end();
    expect(await first).toBe(done);
  });
});
