/** What may go wrong on the way to a server and back. A call here has two minutes: one that waited for them fails the test. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ServerConfig } from '../../hook-service/src/core/servers';
import { createToolHost } from '../../hook-service/src/mcp/tool-host';
import { startHttpFixture } from '../support/mcp/http-fixture';
import { startHost, textOf, type TestHost } from '../support/mcp/hosts';
import { heapInUse } from '../support/memory';
import { event, speaking, startRawFixture, type RawHandlers } from '../support/mcp/raw-fixture';
import { memoryLog, remoteServer, stdioServer } from '../support/mcp/servers';

const hostile = join(__dirname, '..', 'support', 'mcp', 'hostile-stdio.mjs');
const program = (name: string, mode = 'normal') => stdioServer(name, mode, { args: [hostile, mode] });
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function hostOf(servers: readonly ServerConfig[], options = {}): Promise<TestHost> {
  const host = await startHost(servers, options);
  cleanups.unshift(() => host.close());
  return host;
}

async function raw(handlers: RawHandlers = {}, options = {}) {
  const fixture = await startRawFixture({ ...speaking('2025-11-25'), ...handlers });
  cleanups.push(() => fixture.stop());
  const host = await hostOf([remoteServer('one', fixture.url)], options);
  return { fixture, host, greet: () => host.call('one', 'greet') };
}

const answerTo = (id: unknown) => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text: 'h\u00e9llo' }] },
});

/** Writes pieces one after the other, each in a packet of its own, and then ends or breaks the connection. */
async function writePieces(
  response: ServerResponse,
  pieces: readonly Buffer[],
  end: 'end' | 'destroy',
): Promise<void> {
  response.socket?.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise((resolve) => response.write(piece, resolve));
    await new Promise(setImmediate);
  }
  response[end]();
}
const whole = (text: string): Buffer[] => [Buffer.from(text)];
const bytes = (text: string): Buffer[] => [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
/** Cut between the two characters of each line end. */
const splitLineEnds = (text: string): Buffer[] =>
  crlf(text)
    .split(/(?<=\r)(?=\n)/)
    .map((piece) => Buffer.from(piece));

test('E1: fifty calls at a server that never knows its own sessions all fail in words, without a storm of new ones', async () => {
  const fixture = await startHttpFixture({ tools: [{ name: 'greet' }] });
  cleanups.push(() => fixture.stop());
  const host = await hostOf([remoteServer('one', fixture.url)], { reconnectWaitMs: 1_000 });
  const made = fixture.counts['initialize'] ?? 0;
  fixture.options.intercept = (_request, response, body) => {
    if ((body as { method?: string } | undefined)?.method !== 'tools/call') return false;
    response.writeHead(404).end();
    return true;
  };
  const results = await Promise.all(Array.from({ length: 50 }, () => host.call('one', 'greet')));
  for (const result of results) {
    expect(result.failure).toBe('transport');
    expect(textOf(result)).toMatch(/^The tool greet .*not run/);
  }
  expect((fixture.counts['initialize'] ?? 0) - made).toBeLessThanOrEqual(3);
  expect(fixture.calls).toEqual([]);
});

test.each<[string, (text: string) => Buffer[]]>([
  ['as it is', whole],
  ['with CRLF', (text) => whole(crlf(text))],
  ['with CR alone', (text) => whole(text.replaceAll('\n', '\r'))],
  ['with CRLF cut in two', splitLineEnds],
  ['in chunks of one byte', (text) => bytes(text)],
  ['in chunks of one byte, with CRLF', (text) => bytes(crlf(text))],
  ['between comments', (text) => whole(`: a\n\n:\n\n${text}: b\n\n`)],
  ['behind empty events and fields that nobody knows', (text) => whole(`data:\n\nfoo: bar\nid\n\n${text}`)],
  ['behind an event that is no JSON', (text) => whole(`data: {"jsonrpc": "2\n\n${text}`)],
  ['over several lines of data', (text) => whole(text.replace('"id"', '\ndata: "id"'))],
  ['behind a byte order mark', (text) => whole(`\ufeff${text}`)],
])('E2: an event stream is read %s', async (_how, written) => {
  const { greet } = await raw({
    'tools/call': ({ id, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void writePieces(response, written(event(answerTo(id))), 'end');
    },
  });
  expect(textOf(await greet())).toBe('h\u00e9llo');
});

test.each<[string, (text: string) => string, 'end' | 'destroy']>([
  ['ends before the answer', () => ': nothing yet\n\n', 'end'],
  ['breaks before the answer', () => ': nothing yet\n\n', 'destroy'],
  ['ends inside of the answer', (text) => text.slice(0, text.length / 2), 'end'],
  ['breaks inside of the answer', (text) => text.slice(0, text.length / 2), 'destroy'],
  ['ends in half an event, without its last line end', (text) => text.trimEnd(), 'end'],
])('E2: a call whose event stream %s fails at once', async (_how, written, end) => {
  const { fixture, greet } = await raw({
    'tools/call': ({ id, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void writePieces(response, whole(written(event(answerTo(id)))), end);
    },
  });
  const result = await greet();
  expect(result).toMatchObject({ failure: 'transport' });
  expect(textOf(result)).toContain('not known whether the call ran');
  expect(fixture.count('tools/call')).toBe(1);
});

test('E2: a stream that breaks behind the answer has given it', async () => {
  const { greet } = await raw({
    'tools/call': ({ id, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void writePieces(response, whole(event(answerTo(id))), 'destroy');
    },
  });
  expect(textOf(await greet())).toBe('h\u00e9llo');
  expect(textOf(await greet())).toBe('h\u00e9llo');
});

test('E3: answers that nobody asked for, and a second one, change nothing', async () => {
  const host = await hostOf([program('one')]);
  expect(textOf(await host.call('one', 'strangers'))).toBe('mine');
  expect(textOf(await host.call('one', 'strangers'))).toBe('mine');
  expect(host.host.health()['one']).toMatchObject({ state: 'ready' });
});

test('E3: an answer that comes after the call was cancelled is ignored', async () => {
  const host = await hostOf([program('one')]);
  const turn = new AbortController();
  const late = host.call('one', 'late', {}, { signal: turn.signal });
  // Behind this answer the server has the other call, too: its lines come in order.
  await host.call('one', 'greet');
  turn.abort();
  expect(await late).toMatchObject({ failure: 'cancelled' });
  expect(textOf(await host.call('one', 'greet'))).toBe('hello');
  expect(host.host.health()['one']).toMatchObject({ state: 'ready' });
});

test('E3: a flood of notifications leaves nothing in memory, and causes few listings', async () => {
  const host = await hostOf([program('one'), stdioServer('other', 'normal')]);
  await host.call('one', 'flood', { count: 3_000 });
  const before = heapInUse();
  const entries = host.entries.length;
  const flood = host.call('one', 'flood', { count: 60_000 });
  expect(textOf(await host.call('other', 'greet'))).toBe('hello');
  expect(textOf(await flood)).toBe('flooded');
  expect(heapInUse() - before).toBeLessThan(20 * 2 ** 20);
  expect(host.entries.length - entries).toBeLessThan(2_000);
  // Of 210 notices that the tools changed.
  expect(Number(textOf(await host.call('one', 'listings')))).toBeLessThan(60);
}, 60_000);

describe('in place of an answer', () => {
  const listeners: string[] = [];
  async function elsewhere(): Promise<string> {
    listeners.length = 0;
    const listener: RequestListener = (request, response) => {
      listeners.push(request.url ?? '');
      response.end();
    };
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/stolen`;
  }
  const json = { 'content-type': 'application/json' };

  test.each<[string, (response: ServerResponse, other: string) => void]>([
    ['a page', (it) => it.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>')],
    ['an empty body', (it) => it.writeHead(200, json).end()],
    ['an empty body without a type', (it) => it.writeHead(200).end()],
    ['202 and nothing', (it) => it.writeHead(202).end()],
    [
      'gzip garbage',
      (it) => it.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end('\u001f\u008bxx'),
    ],
    ['JSON that is no message', (it) => it.writeHead(200, json).end('{"answer": 42}')],
    ['half of its JSON', (it) => it.writeHead(200, json).end('{"jsonrpc": "2.0", "id"')],
    ['a redirect to another host', (it, other) => it.writeHead(307, { location: other }).end()],
    ['401', (it) => it.writeHead(401, { 'www-authenticate': 'Bearer realm="http://x.internal"' }).end()],
    ['403', (it) => it.writeHead(403).end()],
    ['429 with Retry-After', (it) => it.writeHead(429, { 'retry-after': '3600' }).end()],
    ['500 with a stack', (it) => it.writeHead(500).end('Error: x\n    at f (/app/secret.js:1:1)')],
    ['503', (it) => it.writeHead(503).end()],
  ])('E4: %s fails the call at once in plain words, and the next call works', async (_what, answer) => {
    const other = await elsewhere();
    let bad = true;
    const { fixture, greet } = await raw({
      'tools/call': ({ response }) => {
        if (!bad) return { content: [{ type: 'text', text: 'hello' }] };
        answer(response, other);
        return undefined;
      },
    });
    const result = await greet();
    expect(result.failure).toMatch(/^transport$|^protocol_error$/);
    expect(textOf(result)).toMatch(/^The tool greet [a-z]/);
    expect(textOf(result)).not.toMatch(/internal|secret\.js|127\.0\.0\.1|<h1>/);
    // Neither followed, nor tried again, nor taken for another kind of server.
    expect(listeners).toEqual([]);
    expect(fixture.count('tools/call')).toBe(1);
    expect(fixture.seen.filter(({ method }) => method === 'initialize')).toHaveLength(1);
    bad = false;
    expect(textOf(await greet())).toBe('hello');
  });
});

test('E5: a program that ends at once with exit code 0 has failed, is not started hotly, and costs others nothing', async () => {
  const host = await hostOf([program('gone', 'exit-0'), program('one')]);
  expect(host.host.health()).toMatchObject({
    gone: { state: 'failed', reason: expect.stringContaining('exit code 0') },
    one: { state: 'ready' },
  });
  expect(textOf(await host.call('one', 'greet'))).toBe('hello');
  expect(Number(host.host.health()['gone']?.['attempts'])).toBeLessThanOrEqual(3);
});

test('E5: 100 MB on stderr neither block the program nor fill the log', async () => {
  const host = await hostOf([program('one')]);
  const before = heapInUse();
  expect(textOf(await host.call('one', 'shout', { bytes: 100_000_000 }))).toBe('shouted');
  expect(heapInUse() - before).toBeLessThan(20 * 2 ** 20);
  const kept = host.entries.filter(({ fields }) => fields['line'] !== undefined);
  expect(kept.length).toBeGreaterThan(0);
  // Twenty lines a second, of half a million.
  expect(kept.length).toBeLessThan(2_000);
}, 60_000);

test('E6: a modern answer to the handshake of an old client makes the server incompatible, not a loop', async () => {
  const host = await hostOf([program('one', 'modern'), program('other')]);
  const health = host.host.health()['one'];
  expect(health?.state).toBe('incompatible');
  expect(health?.reason).toContain('2026-07-28');
  expect(textOf(await host.call('other', 'greet'))).toBe('hello');
});

test('E6: a result of a type that nobody knows is content from an old server, and no valid answer of a modern one', async () => {
  const host = await hostOf([program('one', 'strange')]);
  expect(await host.call('one', 'greet')).toEqual({ content: [{ type: 'text', text: 'hello' }] });
  const fixture = await startRawFixture({
    ...speaking('2026-07-28'),
    'tools/call': () => ({ resultType: 'hologram', content: [] }),
  });
  cleanups.push(() => fixture.stop());
  const modern = await hostOf([remoteServer('one', fixture.url)]);
  const result = await modern.call('one', 'greet');
  expect(result).toMatchObject({ failure: 'protocol_error' });
  expect(textOf(result)).toContain('not valid MCP');
});

test('E7: a server that hangs for ever at its start keeps nobody waiting, and readiness names it', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const host = createToolHost({
    servers: [
      stdioServer('hung', 'hang'),
      remoteServer('mute', `${url}/mcp`),
      remoteServer('dumb', `${url}/sse`, { transport: 'sse' }),
      program('one'),
    ],
    log: memoryLog(),
    handshakeTimeoutMs: 600_000,
  });
  cleanups.unshift(() => host.close());
  host.start();
  while (host.catalog().tools.length === 0) await new Promise(setImmediate);
  expect(new Set(host.catalog().tools.map((tool) => tool.server))).toEqual(new Set(['one']));
  expect(host.health()).toMatchObject({
    hung: { state: 'starting' },
    mute: { state: 'starting' },
    dumb: { state: 'starting' },
    one: { state: 'ready' },
  });
  const signal = new AbortController().signal;
  const call = { server: 'one', tool: 'greet', arguments: {}, signal, timeoutMs: 20_000 };
  expect(textOf(await host.call(call))).toBe('hello');
});
