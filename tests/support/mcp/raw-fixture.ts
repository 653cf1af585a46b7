/**
 * A streamable HTTP server that answers what a test says, message by message: for what the SDK's own server would not do.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RawRequest {
  readonly method: string;
  readonly id?: string | number;
  readonly params: Record<string, any>;
  readonly headers: IncomingMessage['headers'];
  readonly response: ServerResponse;
}

/** What a method is answered with: a result, `{error}`, or nothing where the handler answers by `response` itself. */
export type RawHandlers = Record<string, (request: RawRequest) => unknown>;

export interface RawFixture {
  readonly url: string;
  /** Every message that came, in order. */
  readonly seen: RawRequest[];
  /** May be changed at any time. */
  readonly handlers: RawHandlers;
  count(method: string): number;
  stop(): Promise<void>;
}

/** The handlers of a server that speaks this revision and has one tool, `greet`. */
export function speaking(version: string, tools: readonly unknown[] = [greet]): RawHandlers {
  if (version < '2026') {
    return {
      initialize: () => ({
        protocolVersion: version,
        capabilities: { tools: {} },
        serverInfo: { name: 'raw', version: '1' },
      }),
      'tools/list': () => ({ tools }),
      'tools/call': () => ({ content: [{ type: 'text', text: 'hello' }] }),
    };
  }
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  return {
    'server/discover': () => ({
      ...complete,
      supportedVersions: [version],
      capabilities: { tools: {} },
      serverInfo: { name: 'raw', version: '1' },
    }),
    'tools/list': () => ({ ...complete, tools }),
    'tools/call': () => ({ resultType: 'complete', content: [{ type: 'text', text: 'hello' }] }),
  };
}

export const greet = { name: 'greet', inputSchema: { type: 'object' } };

export async function startRawFixture(handlers: RawHandlers): Promise<RawFixture> {
  const seen: RawRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const message = text === '' ? {} : (JSON.parse(text) as Record<string, any>);
      answer(fixture, message, request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const fixture: RawFixture = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    seen,
    handlers: { ...handlers },
    count: (method) => seen.filter((each) => each.method === method).length,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return fixture;
}

function answer(
  fixture: RawFixture,
  message: Record<string, any>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const method =
    (message['method'] as string | undefined) ?? (request.method === 'POST' ? '(answer)' : request.method);
  const seen: RawRequest = {
    method: method ?? '',
    id: message['id'],
    params: message['params'] ?? message,
    headers: request.headers,
    response,
  };
  fixture.seen.push(seen);
  const handler = fixture.handlers[seen.method];
  if (handler === undefined) {
    if (request.method !== 'POST') response.writeHead(405).end();
    else if (seen.id === undefined || seen.method === '(answer)') response.writeHead(202).end();
    else
      json(response, { jsonrpc: '2.0', id: seen.id, error: { code: -32601, message: 'Method not found' } });
    return;
  }
  const result = handler(seen);
  if (result === undefined) return;
  const isError = typeof result === 'object' && result !== null && 'error' in result;
  json(response, { jsonrpc: '2.0', id: seen.id, ...(isError ? result : { result }) });
}

/** Answers with one JSON message. */
export function json(response: ServerResponse, message: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(message));
}

/** One event of an event stream. */
export function event(message: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`;
}
