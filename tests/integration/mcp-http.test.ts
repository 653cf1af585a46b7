import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import { gate } from '../support/mcp/fixture-tools';
import { startHttpFixture, type HttpFixture, type HttpFixtureOptions } from '../support/mcp/http-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';

describe('a streamable HTTP server', () => {
  let fixture: HttpFixture;
  let host: McpToolHost;
  const log = memoryLog();

  async function start(
    options: Partial<HttpFixtureOptions> = {},
    hostOptions: Partial<ToolHostOptions> = {},
  ) {
    fixture = await startHttpFixture({ tools: [{ name: 'greet', handler: () => 'hello' }], ...options });
    host = createToolHost({
      servers: [remoteServer('one', fixture.url)],
      log,
      refreshSpacingMs: 0,
      ...hostOptions,
    });
    host.start();
    await host.ready(5_000);
  }

  const call = (tool: string, args = {}, signal = new AbortController().signal, timeoutMs = 5_000) =>
    host.call({ server: 'one', tool, arguments: args, signal, timeoutMs });
  const textOf = async (result: ReturnType<typeof call>) => {
    const part = (await result).content[0];
    return part?.type === 'text' ? part.text : undefined;
  };
  const nextCatalog = () =>
    new Promise<void>((resolve) => {
      const stop = host.onCatalogChange(() => {
        stop();
        resolve();
      });
    });

  afterEach(async () => {
    await host.close();
    await fixture.stop();
  });

  test('is initialised and listed once, however many calls follow', async () => {
    await start();
    expect(host.health()).toMatchObject({ one: { state: 'ready', tools: 1 } });
    await Promise.all(Array.from({ length: 20 }, () => call('greet')));
    expect(await textOf(call('greet'))).toBe('hello');
    expect(fixture.counts).toMatchObject({ initialize: 1, 'tools/list': 1, 'tools/call': 21 });
    await host.close();
    expect(fixture.requests['DELETE']).toBe(1);
    expect(fixture.sessionCount()).toBe(0);
  });

  test.each([404, 400] as const)(
    'E1: that forgot its sessions (%i) is initialised once for fifty concurrent calls',
    async (status) => {
      await start({ unknownSessionStatus: status });
      fixture.forgetSessions();
      const results = await Promise.all(Array.from({ length: 50 }, () => call('greet')));
      expect(results.map((result) => result.failure)).toEqual(Array(50).fill(undefined));
      expect(fixture.counts['initialize']).toBe(2);
      expect(fixture.calls).toHaveLength(50);
    },
  );

  test('that was restarted is used again within the same call', async () => {
    await start();
    await fixture.restart();
    expect(await textOf(call('greet'))).toBe('hello');
    expect(fixture.counts['initialize']).toBe(2);
  });

  test('that comes back while a call waits is used by that call', async () => {
    await start();
    await fixture.down();
    const waiting = call('greet');
    await fixture.up();
    expect(await textOf(waiting)).toBe('hello');
    expect(fixture.calls).toHaveLength(1);
  });

  test('that stays away fails a call in plain words, and keeps its tools for the grace', async () => {
    await start({}, { graceMs: 50, reconnectWaitMs: 20 });
    await fixture.down();
    const hidden = nextCatalog();
    const result = await call('greet');
    expect(result).toMatchObject({ failure: 'transport' });
    expect(await textOf(Promise.resolve(result))).toMatch(/^The tool greet is not available now/);
    await hidden;
    expect(host.catalog().tools).toEqual([]);
    const back = nextCatalog();
    await fixture.up();
    await back;
    expect(host.catalog().tools).toHaveLength(1);
  });

  test('that says its tools changed is listed again', async () => {
    await start();
    const changed = nextCatalog();
    fixture.options.tools = [{ name: 'greet' }, { name: 'add' }];
    // The standing stream opens right after the handshake; the notice may come before it.
    while (fixture.requests['GET'] === undefined) await new Promise(setImmediate);
    await fixture.notifyToolsChanged();
    await changed;
    expect(host.catalog().tools.map((tool) => tool.tool)).toEqual(['add', 'greet']);
    expect(fixture.counts['tools/list']).toBe(2);
  });

  test('hears of a cancelled call, and its socket is given free', async () => {
    const started = gate();
    const cancelled = gate();
    await start({
      tools: [
        {
          name: 'slow',
          handler: (_args, { signal }) => {
            started.open();
            signal.addEventListener('abort', () => cancelled.open());
            return new Promise(() => undefined);
          },
        },
      ],
    });
    const turn = new AbortController();
    const running = call('slow', {}, turn.signal);
    await started.promise;
    turn.abort();
    expect(await running).toMatchObject({ failure: 'cancelled' });
    await cancelled.promise;
  });

  test('fails a call at its deadline and cancels it there', async () => {
    const cancelled = gate();
    await start({
      tools: [
        {
          name: 'slow',
          handler: (_args, { signal }) => {
            signal.addEventListener('abort', () => cancelled.open());
            return new Promise(() => undefined);
          },
        },
      ],
    });
    const result = await call('slow', {}, undefined, 50);
    expect(result).toMatchObject({ failure: 'timeout' });
    expect(await textOf(Promise.resolve(result))).toContain('0.1 s');
    await cancelled.promise;
  });

  test('E2: whose answer breaks off fails the call at once, and the call is not repeated', async () => {
    await start({ tools: [{ name: 'write', handler: () => new Promise(() => undefined) }] });
    const cut = gate();
    fixture.options.intercept = (_request, response, body) => {
      if ((body as { method?: string } | undefined)?.method !== 'tools/call') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n', () => {
        response.destroy();
        cut.open();
      });
      return true;
    };
    const result = await call('write');
    await cut.promise;
    expect(result).toMatchObject({ failure: 'transport' });
    expect(await textOf(Promise.resolve(result))).toContain('not known whether the call ran');
    expect(fixture.counts['tools/call']).toBe(1);
    expect(fixture.counts['initialize']).toBe(1);
  });

  test('E2: whose stream ends without the answer fails the call at once', async () => {
    await start();
    fixture.options.intercept = (_request, response, body) => {
      if ((body as { method?: string } | undefined)?.method !== 'tools/call') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': nothing\n\n');
      return true;
    };
    expect(await call('greet')).toMatchObject({ failure: 'transport' });
  });

  test('is asked a second time where the tool is declared idempotent', async () => {
    await start({ tools: [{ name: 'read', annotations: { idempotentHint: true }, handler: () => 'read' }] });
    let cuts = 1;
    fixture.options.intercept = (request, _response, body) => {
      if ((body as { method?: string } | undefined)?.method !== 'tools/call' || cuts === 0) return false;
      cuts -= 1;
      request.socket.destroy();
      return true;
    };
    expect(await textOf(call('read'))).toBe('read');
  });
});
