import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { gate } from '../support/mcp/fixture-tools';
import { memoryLog, remoteServer } from '../support/mcp/servers';
import { startSseFixture, type SseFixture } from '../support/mcp/sse-fixture';

describe('an SSE server', () => {
  let fixture: SseFixture;
  let host: McpToolHost;
  const running = gate();

  beforeEach(async () => {
    fixture = await startSseFixture({
      tools: [
        { name: 'greet', handler: () => 'hello' },
        {
          name: 'slow',
          handler: () => {
            running.open();
            return new Promise(() => undefined);
          },
        },
      ],
    });
    host = createToolHost({
      servers: [remoteServer('one', fixture.url, { transport: 'sse' })],
      log: memoryLog(),
    });
    host.start();
    await host.ready(5_000);
  });

  afterEach(async () => {
    await host.close();
    await fixture.stop();
  });

  const call = (tool: string, signal = new AbortController().signal) =>
    host.call({ server: 'one', tool, arguments: {}, signal, timeoutMs: 8_000 });

  test('is initialised and listed once for many calls', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => call('greet')));
    expect(results[19]?.content).toEqual([{ type: 'text', text: 'hello' }]);
    expect(fixture.counts).toMatchObject({ initialize: 1, 'tools/list': 1, 'tools/call': 20 });
  });

  test('E9: whose event stream breaks fails its calls at once, and is initialised anew', async () => {
    const waiting = call('slow');
    await running.promise;
    fixture.cutStreams();
    expect(await waiting).toMatchObject({ failure: 'transport' });
    expect((await call('greet')).failure).toBeUndefined();
    expect(fixture.counts['initialize']).toBe(2);
  });

  test('E9: that was restarted is used again within the same call', async () => {
    await fixture.restart();
    expect((await call('greet')).failure).toBeUndefined();
    expect(fixture.counts['initialize']).toBe(2);
  });

  test('hears of a cancelled call', async () => {
    const turn = new AbortController();
    const waiting = call('slow', turn.signal);
    while (fixture.calls.length === 0) await new Promise(setImmediate);
    turn.abort();
    expect(await waiting).toMatchObject({ failure: 'cancelled' });
    while (fixture.calls[0]?.cancelled !== true) await new Promise(setImmediate);
  });
});
