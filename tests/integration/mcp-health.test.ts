import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import type { RemoteServer } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { startHttpFixture } from '../support/mcp/http-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';
import { startSseFixture } from '../support/mcp/sse-fixture';

describe('the health of a server that cannot be connected', () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function healthOf(url: string, more: Partial<RemoteServer> = {}) {
    const host: McpToolHost = createToolHost({
      servers: [remoteServer('one', url, more)],
      log: memoryLog(),
      handshakeTimeoutMs: 300,
    });
    cleanups.unshift(() => host.close());
    host.start();
    await host.ready(5_000);
    return { host, health: host.health()['one'] };
  }

  async function listen(server: Server | TcpServer): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }

  const answering = (listener: RequestListener) => listen(createServer(listener));

  test('says that the connection was refused', async () => {
    const fixture = await startHttpFixture({ tools: [] });
    await fixture.stop();
    expect((await healthOf(fixture.url)).health).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/Connection refused .* not running, or the port is wrong/),
    });
  });

  test('says that the path is wrong', async () => {
    const fixture = await startHttpFixture({ tools: [] });
    cleanups.push(() => fixture.stop());
    const { health } = await healthOf(fixture.url.replace('/mcp', '/wrong'));
    expect(health?.reason).toMatch(/^Wrong path: .*\/wrong answers 404/);
  });

  test('says that the transport is wrong, either way', async () => {
    const http = await startHttpFixture({ tools: [] });
    const sse = await startSseFixture({ tools: [] });
    cleanups.push(
      () => http.stop(),
      () => sse.stop(),
    );
    expect((await healthOf(sse.url)).health?.reason).toMatch(
      /^Wrong transport: .* configured as http but speaks sse/,
    );
    expect((await healthOf(http.url, { transport: 'sse' })).health?.reason).toMatch(
      /^Wrong transport: .* configured as sse but speaks http/,
    );
  });

  test('E4: says that a web page is no MCP server', async () => {
    const url = await answering((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>'),
    );
    expect((await healthOf(url)).health?.reason).toContain('not as an MCP server');
  });

  test('says that the port does not speak HTTP', async () => {
    const url = await listen(createTcpServer((socket) => socket.end('+PONG\r\n')));
    expect((await healthOf(url)).health?.reason).toContain('does not speak HTTP');
  });

  test('E4: says that credentials were refused, and does not take that for an old server', async () => {
    let requests = 0;
    const url = await answering((_request, response) => {
      requests += 1;
      response.writeHead(401).end();
    });
    expect((await healthOf(url)).health?.reason).toContain('refused our credentials (HTTP 401)');
    expect(requests).toBe(1);
  });

  test('E4: says that a redirect is not followed', async () => {
    let elsewhere = 0;
    const other = await answering((_request, response) => {
      elsewhere += 1;
      response.end();
    });
    const url = await answering((_request, response) => response.writeHead(307, { location: other }).end());
    expect((await healthOf(url)).health?.reason).toContain('redirects elsewhere');
    expect(elsewhere).toBe(0);
  });

  test('says that the handshake timed out', async () => {
    const url = await answering(() => undefined);
    expect((await healthOf(url)).health?.reason).toContain('timed out');
  });

  test('never shows what an address holds beside its host and the words of its path', async () => {
    const { health } = await healthOf('http://user:pass@127.0.0.1:1/s/k3Yp4th9/mcp?token=secret');
    expect(health?.reason).not.toMatch(/pass|secret|k3Y/);
  });

  test('is degraded while the health check of a connected server fails', async () => {
    let status = 503;
    const fixture = await startHttpFixture({
      tools: [],
      intercept: (request, response) => {
        if (request.url !== '/health') return false;
        response.writeHead(status).end();
        return true;
      },
    });
    const host = createToolHost({
      servers: [remoteServer('one', fixture.url, { healthCheck: '/health' })],
      log: memoryLog(),
      healthCheckIntervalMs: 5,
    });
    cleanups.push(
      () => host.close(),
      () => fixture.stop(),
    );
    host.start();
    await host.ready(5_000);
    while (host.health()['one']?.state !== 'degraded') await new Promise(setImmediate);
    expect(host.health()['one']?.reason).toContain('/health answers HTTP 503');
    status = 200;
    while (host.health()['one']?.state !== 'ready') await new Promise(setImmediate);
  });
});
