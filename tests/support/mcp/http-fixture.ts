/** A real streamable HTTP server (SDK 1.x, stateful sessions) under a test's control. */
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FixtureState, type FixtureToolOptions, type RecordedToolCall } from './fixture-tools';
import { Listener, readBody, type Intercept } from './listener';

export interface HttpFixtureOptions extends FixtureToolOptions {
  readonly port?: number;
  /** Answer with `application/json` in place of an event stream. */
  readonly json?: boolean;
  /** The status for an unknown session: the specification says 404, many servers say 400. */
  readonly unknownSessionStatus?: 400 | 404;
  intercept?: Intercept;
}

export interface HttpFixture {
  readonly url: string;
  readonly port: number;
  readonly counts: Record<string, number>;
  readonly calls: RecordedToolCall[];
  /** HTTP requests by method. */
  readonly requests: Record<string, number>;
  /** Headers of the latest POST. */
  lastHeaders: IncomingMessage['headers'];
  /** May be changed at any time. */
  readonly options: HttpFixtureOptions;
  sessionCount(): number;
  /** Forgets every session; connections stay. */
  forgetSessions(): void;
  notifyToolsChanged(): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  /** Down and up again: connections break and sessions are forgotten. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startHttpFixture(options: HttpFixtureOptions): Promise<HttpFixture> {
  const current = { ...options };
  const state = new FixtureState(current);
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const requests: Record<string, number> = {};

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? '';
    requests[method] = (requests[method] ?? 0) + 1;
    const body = method === 'POST' ? await readBody(request) : undefined;
    state.count(body);
    if (method === 'POST') fixture.lastHeaders = request.headers;
    if (current.intercept?.(request, response, body) === true) return;
    if (request.url !== '/mcp') {
      response.writeHead(404).end('Not found');
      return;
    }
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(request, response, body);
    if ((body as { method?: unknown } | undefined)?.method !== 'initialize') {
      const status = id === undefined ? 400 : (current.unknownSessionStatus ?? 404);
      const error = { code: -32001, message: 'Session not found' };
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: current.json === true,
      onsessioninitialized: (sessionId) => void sessions.set(sessionId, transport),
      onsessionclosed: (sessionId) => void sessions.delete(sessionId),
    });
    await state.createServer().connect(transport);
    await transport.handleRequest(request, response, body);
  };

  const listener = new Listener((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await listener.up(options.port ?? 0);

  const forget = () => {
    sessions.clear();
    state.servers.clear();
  };
  const fixture: HttpFixture = {
    url: `http://127.0.0.1:${listener.port}/mcp`,
    port: listener.port,
    counts: state.counts,
    calls: state.calls,
    requests,
    lastHeaders: {},
    options: current,
    sessionCount: () => sessions.size,
    forgetSessions: forget,
    notifyToolsChanged: () => state.notifyToolsChanged(),
    async down() {
      await listener.down();
      forget();
    },
    up: () => listener.up(),
    async restart() {
      await listener.down();
      forget();
      await listener.up();
    },
    async stop() {
      await listener.down();
      await Promise.all([...sessions.values()].map((each) => each.close()));
      forget();
    },
  };
  return fixture;
}
