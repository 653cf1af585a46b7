import { join } from 'node:path';
import type { RemoteServer } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import {
  json,
  speaking,
  startRawFixture,
  type RawFixture,
  type RawHandlers,
} from '../support/mcp/raw-fixture';
import { memoryLog, remoteServer, stdioServer } from '../support/mcp/servers';

const eraServer = join(__dirname, '../support/mcp/era-server.mjs');

describe('the revision of the protocol', () => {
  let fixture: RawFixture | undefined;
  let host: McpToolHost;
  let log = memoryLog();

  async function start(
    handlers: RawHandlers,
    options: Partial<ToolHostOptions> = {},
    server: Partial<RemoteServer> = {},
  ) {
    log = memoryLog();
    fixture = await startRawFixture(handlers);
    host = createToolHost({ servers: [remoteServer('one', fixture.url, server)], log, ...options });
    host.start();
    await host.ready(15_000);
    return fixture;
  }
  const call = () =>
    host.call({
      server: 'one',
      tool: 'greet',
      arguments: {},
      signal: new AbortController().signal,
      timeoutMs: 8_000,
    });

  afterEach(async () => {
    await host.close();
    await fixture?.stop();
    fixture = undefined;
  });

  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'])(
    '%s is agreed on with a server that speaks it, and said on every later request',
    async (version) => {
      const { seen } = await start(speaking(version));
      expect(await call()).toEqual({ content: [{ type: 'text', text: 'hello' }] });
      expect(host.health()['one']).toMatchObject({
        state: 'ready',
        protocol: version,
        era: version < '2026' ? 'legacy' : 'modern',
      });
      const later = seen.filter(({ method }) => method.startsWith('tools/'));
      expect(later.map(({ headers }) => headers['mcp-protocol-version'])).toEqual(later.map(() => version));
      expect(seen[0]?.headers['accept']).toBe('application/json, text/event-stream');
    },
  );

  test('is offered as the newest one, and is not asked for again when it is known', async () => {
    const one = await start(speaking('2025-06-18'), { reconnect: { initialMs: 1, maxMs: 1 } });
    expect(one.seen.map(({ method }) => method).slice(0, 2)).toEqual(['server/discover', 'initialize']);
    expect(one.seen[1]?.params['protocolVersion']).toBe('2025-11-25');
    // The session is forgotten once: the next handshake goes straight to what the server speaks.
    let forgets = 1;
    one.handlers['tools/call'] = ({ response, id }) => {
      if (forgets > 0) response.writeHead(404).end();
      else json(response, { jsonrpc: '2.0', id, result: { content: [] } });
      forgets -= 1;
    };
    expect(await call()).toEqual({ content: [] });
    expect(one.count('server/discover')).toBe(1);
    expect(one.count('initialize')).toBe(2);
  });

  test('E6: that nobody knows makes the server incompatible, with the reason, and calls do not hurry the next attempt', async () => {
    const one = await start(speaking('2025-06-18'));
    one.handlers['initialize'] = () => ({
      protocolVersion: '2019-01-01',
      capabilities: { tools: {} },
      serverInfo: { name: 'raw', version: '1' },
    });
    one.handlers['tools/call'] = ({ response }) => void response.writeHead(404).end();
    expect(await call()).toMatchObject({ failure: 'transport' });
    expect(host.health()['one']).toMatchObject({
      state: 'incompatible',
      reason: expect.stringContaining('speaks MCP 2019-01-01, which Toolturn does not'),
    });
    const attempts = one.count('initialize');
    await Promise.all(Array.from({ length: 20 }, call));
    expect(one.count('initialize')).toBe(attempts);
    expect(log.entries.some(({ level, message }) => level === 'warn' && message.includes('2019-01-01'))).toBe(
      true,
    );
  });

  test('E6: of the future makes the server incompatible', async () => {
    await start({
      'server/discover': ({ response, id }) =>
        json(
          response,
          {
            jsonrpc: '2.0',
            id,
            error: {
              code: -32022,
              message: 'Unsupported protocol version',
              data: { supported: ['2031-01-01'], requested: '2026-07-28' },
            },
          },
          400,
        ),
    });
    expect(host.health()['one']).toMatchObject({
      state: 'incompatible',
      reason: expect.stringContaining('2031-01-01'),
    });
  });

  test.each([500, 502, 503, 401, 403])(
    'E4: is not guessed from HTTP %i, which is no old server',
    async (status) => {
      const refuse = ({ response }: { response: { writeHead(status: number): { end(): void } } }) =>
        void response.writeHead(status).end();
      const one = await start({ 'server/discover': refuse, initialize: refuse });
      expect(one.count('initialize')).toBe(0);
      expect(one.count('GET')).toBe(0);
      expect(host.health()['one']?.state).toBe('failed');
    },
  );

  test.each(['modern-only', 'unknown-version'])('E6: of a process is agreed on too (%s)', async (mode) => {
    host = createToolHost({ servers: [stdioServer('one', mode, { args: [eraServer, mode] })], log });
    host.start();
    await host.ready(15_000);
    if (mode === 'modern-only') {
      expect(await call()).toEqual({ content: [{ type: 'text', text: 'hello' }] });
      expect(host.health()['one']).toMatchObject({ state: 'ready', protocol: '2026-07-28' });
    } else {
      expect(host.health()['one']).toMatchObject({
        state: 'incompatible',
        reason: expect.stringContaining('speaks MCP 2019-01-01'),
      });
    }
  });
});
