import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import { gate } from '../support/mcp/fixture-tools';
import {
  event,
  speaking,
  startRawFixture,
  type RawFixture,
  type RawHandlers,
  type RawRequest,
} from '../support/mcp/raw-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';
import type { ToolCallRequest, ToolResult } from '../../hook-service/src/core/ports';

describe('a call', () => {
  let fixture: RawFixture;
  let host: McpToolHost;

  async function start(
    handlers: RawHandlers,
    version = '2025-11-25',
    options: Partial<ToolHostOptions> = {},
    tools?: readonly unknown[],
  ) {
    fixture = await startRawFixture({ ...speaking(version, tools), ...handlers });
    host = createToolHost({
      servers: [remoteServer('one', fixture.url)],
      log: memoryLog(),
      reconnect: { initialMs: 1, maxMs: 5 },
      ...options,
    });
    host.start();
    await host.ready(10_000);
  }
  const call = (more: Partial<ToolCallRequest> = {}) =>
    host.call({
      server: 'one',
      tool: 'greet',
      arguments: {},
      signal: new AbortController().signal,
      timeoutMs: 8_000,
      ...more,
    });
  const text = (result: ToolResult) => (result.content[0] as { text: string }).text;
  const result = (id: unknown, value = 'hello') => ({
    jsonrpc: '2.0',
    id,
    result: { content: [{ type: 'text', text: value }] },
  });
  const stream = ({ response }: RawRequest) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' });
  const progress = ({ params }: RawRequest, step: number) =>
    event({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: params['_meta']?.progressToken, progress: step },
    });

  afterEach(async () => {
    await host.close();
    await fixture.stop();
  });

  test('goes on beyond its deadline while it reports progress', async () => {
    await start({
      'tools/call': (request) => {
        stream(request);
        let step = 0;
        // Six steps, each well within the deadline, and together beyond it.
        const timer = setInterval(() => {
          step += 1;
          request.response.write(progress(request, step));
          if (step < 6) return;
          clearInterval(timer);
          request.response.end(event(result(request.id)));
        }, 250);
      },
    });
    expect(text(await call({ timeoutMs: 1_000, maxTimeoutMs: 20_000 }))).toBe('hello');
  });

  test('ends at its absolute deadline whatever progress it reports, and is cancelled at the server', async () => {
    let steps = 0;
    await start({
      'tools/call': (request) => {
        stream(request);
        const timer = setInterval(() => request.response.write(progress(request, (steps += 1))), 50);
        request.response.once('close', () => clearInterval(timer));
      },
    });
    const ended = await call({ timeoutMs: 400, maxTimeoutMs: 900 });
    expect(ended).toMatchObject({ failure: 'timeout' });
    expect(text(ended)).toContain('0.9 s');
    expect(steps).toBeGreaterThan(2);
    while (fixture.count('notifications/cancelled') === 0) await new Promise(setImmediate);
  });

  test('is cancelled at a modern server by ending its request', async () => {
    const begun = gate();
    const closed = gate();
    await start(
      {
        'tools/call': (request) => {
          stream(request).flushHeaders();
          request.response.once('close', () => closed.open());
          begun.open();
        },
      },
      '2026-07-28',
    );
    const turn = new AbortController();
    const running = call({ signal: turn.signal });
    await begun.promise;
    turn.abort();
    expect(await running).toMatchObject({ failure: 'cancelled' });
    await closed.promise;
  });

  test('E3: takes one answer: others with its id, with a wrong id, or too late are ignored', async () => {
    let lastId: unknown;
    await start({
      'tools/call': (request) => {
        stream(request);
        request.response.write(event(result(99_999, 'of nobody')));
        if (lastId !== undefined) request.response.write(event(result(lastId, 'too late')));
        request.response.write(event(result(request.id, 'first')));
        request.response.end(event(result(request.id, 'second')));
        lastId = request.id;
      },
    });
    expect(text(await call())).toBe('first');
    expect(text(await call())).toBe('first');
    expect(host.health()['one']?.state).toBe('ready');
  });

  test('answers the server: ping is answered, sampling, roots and elicitation are refused', async () => {
    const answered: RawRequest[] = [];
    const all = gate();
    const asked = ['ping', 'sampling/createMessage', 'roots/list', 'elicitation/create', 'nobody/knows'];
    await start({
      'tools/call': (request) => {
        stream(request);
        for (const method of asked)
          request.response.write(event({ jsonrpc: '2.0', id: `s-${method}`, method, params: {} }));
        void all.promise.then(() => request.response.end(event(result(request.id))));
      },
      '(answer)': (request) => {
        answered.push(request);
        request.response.writeHead(202).end();
        if (answered.length === asked.length) all.open();
        return undefined;
      },
    });
    expect(text(await call())).toBe('hello');
    const by = (method: string) => answered.find(({ params }) => params['id'] === `s-${method}`)?.params;
    expect(by('ping')).toMatchObject({ result: {} });
    for (const method of asked.slice(1)) expect(by(method)).toMatchObject({ error: { code: -32601 } });
    const { capabilities } = fixture.seen.find(({ method }) => method === 'initialize')?.params ?? {};
    expect(capabilities).toEqual({});
  });

  test('that asks a person for input is an error of the tool in plain words', async () => {
    const inputRequests = { name: { method: 'elicitation/create', params: { message: 'Your name?' } } };
    await start(
      { 'tools/call': () => ({ resultType: 'input_required', inputRequests, requestState: 'x' }) },
      '2026-07-28',
    );
    const refused = await call();
    expect(refused).toMatchObject({ failure: 'tool_error' });
    expect(text(refused)).toContain('asks for input from a person');
    expect(fixture.count('tools/call')).toBe(1);
  });

  test('that the server puts off is made again with the state it gave, and not without end', async () => {
    let endless = false;
    await start(
      {
        'tools/call': ({ params }) =>
          params['requestState'] === 'state-1' && !endless
            ? { resultType: 'complete', content: [{ type: 'text', text: 'done' }] }
            : { resultType: 'input_required', requestState: 'state-1' },
      },
      '2026-07-28',
    );
    expect(text(await call())).toBe('done');
    expect(fixture.count('tools/call')).toBe(2);
    endless = true;
    expect(await call()).toMatchObject({ failure: 'tool_error' });
    expect(fixture.count('tools/call')).toBe(13);
  });

  test('carries the trace of its caller, and none where there was none', async () => {
    await start({});
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'a=1',
    };
    await call({ trace });
    await call();
    const metas = fixture.seen
      .filter(({ method }) => method === 'tools/call')
      .map(({ params }) => params['_meta']);
    expect(metas[0]).toMatchObject(trace);
    expect(metas[1]).not.toHaveProperty('traceparent');
  });

  test('repeats arguments in headers where a modern tool asks for it; a tool that asks wrongly is not offered', async () => {
    const property = (header: unknown) => ({
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': header } },
    });
    await start({}, '2026-07-28', {}, [
      { name: 'greet', inputSchema: property('Region') },
      { name: 'bad', inputSchema: property('no header') },
    ]);
    expect(host.catalog().tools.map(({ tool }) => tool)).toEqual(['greet']);
    await call({ arguments: { region: 'Köln' } });
    const { headers } = fixture.seen.at(-1) ?? { headers: {} };
    expect(headers).toMatchObject({
      'mcp-method': 'tools/call',
      'mcp-name': 'greet',
      'mcp-param-region': `=?base64?${Buffer.from('Köln').toString('base64')}?=`,
    });
  });

  test('E2: whose stream ends early is resumed with Last-Event-ID after the pause that the server asked for', async () => {
    let id: unknown;
    let callEnded = 0;
    let waited = 0;
    await start({
      'tools/call': (request) => {
        id = request.id;
        stream(request).write('id: e-1\nretry: 300\ndata: \n\n');
        request.response.end();
        callEnded = performance.now();
      },
      GET: (request) => {
        if (request.headers['last-event-id'] === undefined) return void request.response.writeHead(405).end();
        waited = performance.now() - callEnded;
        stream(request).end(event(result(id, 'resumed'), 'e-2'));
      },
    });
    expect(text(await call())).toBe('resumed');
    expect(fixture.seen.find(({ headers }) => headers['last-event-id'] !== undefined)?.headers).toMatchObject(
      {
        'last-event-id': 'e-1',
      },
    );
    expect(fixture.count('tools/call')).toBe(1);
    // The server's wish, not a measurement: a client that comes back earlier disregards it.
    expect(waited).toBeGreaterThan(290);
  });

  test('E8: fails fast once five in a row failed at the server, and one tries again after a while', async () => {
    await start({ 'tools/call': ({ response }) => void response.writeHead(502).end() }, '2025-11-25', {
      circuit: { openMs: 200, maxOpenMs: 400 },
    });
    for (let index = 0; index < 5; index += 1) expect(await call()).toMatchObject({ failure: 'transport' });
    expect(host.health()['one']).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('5 calls in a row failed'),
    });
    const refused = await call();
    expect(text(refused)).toContain('failed again and again. The call was not run.');
    expect(fixture.count('tools/call')).toBe(5);
    fixture.handlers['tools/call'] = speaking('2025-11-25')['tools/call'] ?? (() => ({}));
    let answer = await call();
    while (answer.failure !== undefined) {
      await new Promise(setImmediate);
      answer = await call();
    }
    expect(fixture.count('tools/call')).toBe(6);
    expect(host.health()['one']?.state).toBe('ready');
  });

  test('that fails as a tool or by protocol opens no circuit', async () => {
    await start({
      'tools/call': ({ params }) =>
        params['arguments'].protocol === true
          ? { error: { code: -32603, message: 'no' } }
          : { isError: true, content: [] },
    });
    for (let index = 0; index < 8; index += 1) {
      expect((await call({ arguments: { protocol: index % 2 === 0 } })).failure).toMatch(/_error$/);
    }
    expect(fixture.count('tools/call')).toBe(8);
    expect(host.health()['one']?.state).toBe('ready');
  });
});
