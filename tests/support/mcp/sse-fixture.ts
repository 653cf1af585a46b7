/** A real HTTP+SSE server (SDK 1.x) under a test's control. */
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FixtureState, type FixtureToolOptions, type RecordedToolCall } from './fixture-tools';
import { Listener, readBody, type Intercept } from './listener';

export interface SseFixtureOptions extends FixtureToolOptions {
  readonly port?: number;
  intercept?: Intercept;
}

export interface SseFixture {
  readonly url: string;
  readonly port: number;
  readonly counts: Record<string, number>;
  readonly calls: RecordedToolCall[];
  /** May be changed at any time. */
  readonly options: SseFixtureOptions;
  /** Breaks every event stream; the port stays open. */
  cutStreams(): void;
  notifyToolsChanged(): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSseFixture(options: SseFixtureOptions): Promise<SseFixture> {
  const current = { ...options };
  const state = new FixtureState(current);
  const sessions = new Map<string, SSEServerTransport>();
  const streams = new Set<ServerResponse>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = request.method === 'POST' ? await readBody(request) : undefined;
    state.count(body);
    if (current.intercept?.(request, response, body) === true) return;
    const url = new URL(request.url ?? '/', 'http://fixture');
    if (request.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      sessions.set(transport.sessionId, transport);
      streams.add(response);
      response.once('close', () => {
        sessions.delete(transport.sessionId);
        streams.delete(response);
      });
      await state.createServer().connect(transport);
      return;
    }
    const session = sessions.get(url.searchParams.get('sessionId') ?? '');
    if (request.method === 'POST' && url.pathname === '/messages' && session !== undefined) {
      await session.handlePostMessage(request, response, body);
      return;
    }
    response.writeHead(404).end('Not found');
  };

  const listener = new Listener((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await listener.up(options.port ?? 0);

  return {
    url: `http://127.0.0.1:${listener.port}/sse`,
    port: listener.port,
    counts: state.counts,
    calls: state.calls,
    options: current,
    cutStreams() {
      for (const stream of streams) stream.destroy();
    },
    notifyToolsChanged: () => state.notifyToolsChanged(),
    down: () => listener.down(),
    up: () => listener.up(),
    async restart() {
      await listener.down();
      await listener.up();
    },
    stop: () => listener.down(),
  };
}
