/**
 * A scripted stand-in for an OpenAI-compatible provider: real HTTP, no model. Tests, the demonstration and the
 * benchmarks put it behind LiteLLM and say, request by request, what it answers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseRecord } from './json';
import {
  chatChunk,
  chatChunks,
  chatCompletion,
  envelope,
  usageChunk,
  type ModelRequest,
  type PlainReply,
  type Reply,
  type StreamOut,
} from './scripted-reply';

export type * from './scripted-reply';

/** Says what the model answers to the `index`-th request (from 0) since the start or the last `reset()`. */
export type Answer = (request: ModelRequest, index: number) => Reply | Promise<Reply>;

export interface ScriptedModel {
  /** Base URL with `/v1`, as `api_base` wants it. */
  readonly url: string;
  /** Every POST so far, oldest first. */
  readonly requests: ModelRequest[];
  /** Replaces the script for the requests to come. */
  answerWith(answer: Answer): void;
  /** Forgets all requests; indices begin at 0 again. */
  reset(): void;
  /** Closes the server and every connection, open streams included. */
  stop(): Promise<void>;
}

/** Starts a scripted model on loopback; without `port` on a free one. */
export async function startScriptedModel(options: { port?: number; answer: Answer }): Promise<ScriptedModel> {
  let answer = options.answer;
  const requests: ModelRequest[] = [];

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url ?? '/';
    if (req.method === 'GET' && path.split('?')[0] === '/v1/models') {
      return sendJson(res, 200, {
        object: 'list',
        data: [{ id: 'scripted', object: 'model', owned_by: 'test' }],
      });
    }
    if (req.method !== 'POST') return sendError(res, 404, `No route ${req.method} ${path}`);
    const body = parseRecord(await readBody(req));
    if (body === undefined) return sendError(res, 400, 'The body is not a JSON object');
    const request = { path, headers: flatHeaders(req), body };
    const index = requests.push(request) - 1;
    await sendReply(res, request, await answer(request, index));
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      // A script that throws is a mistake in the test: say so where the test will see it.
      const message = error instanceof Error ? error.message : String(error);
      if (res.headersSent) res.destroy();
      else sendError(res, 500, `The script failed: ${message}`);
    });
  });
  // Longer than any client keeps an idle connection, so that none is closed just as the client uses it again.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    answerWith: (next) => void (answer = next),
    reset: () => void (requests.length = 0),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function sendReply(res: ServerResponse, request: ModelRequest, reply: Reply): Promise<void> {
  if ('stream' in reply) return push(res, request, reply.stream);
  if ('json' in reply) return sendJson(res, reply.status ?? 200, reply.json);
  if ('error' in reply) return sendError(res, reply.status ?? 500, reply.error, reply.headers);
  if (!request.path.startsWith('/v1/chat/completions')) {
    return sendError(res, 500, `A plain reply is a chat completion: use json or stream for ${request.path}`);
  }
  if (request.body.stream !== true)
    return sendJson(res, 200, chatCompletion(envelope(request), reply, request));
  return push(res, request, (out) => pushPlain(out, request, reply));
}

function pushPlain(out: StreamOut, request: ModelRequest, reply: PlainReply): void {
  for (const chunk of chatChunks(envelope(request), reply, request)) out.chunk(chunk);
  out.done();
}

/** Runs a stream script. One that returns without `done()` leaves a stream that just ends, without `[DONE]`. */
async function push(
  res: ServerResponse,
  request: ModelRequest,
  script: (out: StreamOut) => Promise<void> | void,
): Promise<void> {
  const head = envelope(request);
  const raw = (text: string | Uint8Array): void => {
    if (res.destroyed || res.writableEnded) return; // the client left: the script need not care
    if (!res.headersSent)
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    res.write(text);
  };
  const chunk = (object: object): void => raw(`data: ${JSON.stringify(object)}\n\n`);
  await script({
    raw,
    chunk,
    delta: (delta, options) => chunk(chatChunk(head, delta, options?.finishReason)),
    usage: (usage) => chunk(usageChunk(head, usage)),
    done: () => {
      raw('data: [DONE]\n\n');
      res.end();
    },
    destroy: () => void res.socket?.destroy(),
    closed: new Promise((resolve) => (res.destroyed ? resolve() : res.once('close', () => resolve()))),
  });
  res.end();
}

async function readBody(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function flatHeaders(req: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(req.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function sendJson(
  res: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
) {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

function sendError(
  res: ServerResponse,
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>,
) {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  sendJson(res, status, { error: { message, type, param: null, code: null } }, headers);
}
