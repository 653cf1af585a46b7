import { createToolHost } from '../../hook-service/src/mcp/tool-host';
import { startHttpFixture } from '../support/mcp/http-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';

test('three thousand calls on one warm session cause no process warning and leave no listener behind', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error) => void warnings.push(warning);
  process.on('warning', keep);
  const fixture = await startHttpFixture({ tools: [{ name: 'greet', handler: () => 'hello' }] });
  const host = createToolHost({ servers: [remoteServer('one', fixture.url)], log: memoryLog() });
  try {
    host.start();
    await host.ready(5_000);
    const turn = new AbortController();
    let listeners = 0;
    const { signal } = turn;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let batch = 0; batch < 300; batch += 1) {
      const results = await Promise.all(
        Array.from({ length: 10 }, () =>
          host.call({ server: 'one', tool: 'greet', arguments: {}, signal, timeoutMs: 10_000 }),
        ),
      );
      expect(results.every((result) => result.failure === undefined)).toBe(true);
    }
    expect(listeners).toBe(0);
    expect(fixture.counts).toMatchObject({ initialize: 1, 'tools/list': 1, 'tools/call': 3_000 });
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', keep);
    await host.close();
    await fixture.stop();
  }
}, 60_000);
