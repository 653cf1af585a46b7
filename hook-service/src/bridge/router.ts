import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../core/ports';
import { sendJson } from './exchange';
import type { createGuard } from './guard';
import { HttpSession } from './http-session';
import type { Backend } from './link';
import { firstOf, isModern, postModern } from './modern-post';
import { reasonOf } from './own-child';
import { BodyTooLarge, readBody } from './read-body';
import { BadMessage, errorAnswer, isRequest, parseBody, rpcCode, type Message } from './rpc';
import { SseSession } from './sse-session';
import type { Stateless } from './stateless';

export interface RouterOptions {
  readonly backend: Backend;
  readonly stateless: Stateless;
  readonly guard: ReturnType<typeof createGuard>;
  readonly maxSessions: number;
  readonly idleMs: number;
  readonly bodyBytes: number;
  readonly log: Log;
  /** Status and body of `/health`. */
  health(): { status: number; body: object };
}

/** The paths of the bridge: `/mcp`, `/sse` with `/messages`, `/health`. */
export class Router {
  private readonly sessions = new Map<string, HttpSession>();
  private readonly sse = new Map<string, SseSession>();
  private closed = false;

  constructor(private readonly options: RouterOptions) {}

  get sessionCount(): number {
    return this.sessions.size + this.sse.size;
  }

  /** Answers one request. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      await this.route(request, response);
    } catch (error) {
      if (error instanceof BadMessage) refuse(response, 400, error.message, error.code);
      else if (error instanceof BodyTooLarge) refuse(response, 413, error.message);
      else if (!request.destroyed || !response.destroyed) {
        this.options.log.error('request failed', { error });
        refuse(response, 500, 'The bridge failed');
      }
    }
  }

  /** Ends every session, and takes no new ones. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.sessions.values(), ...this.sse.values()].map((session) => session.end()));
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.options.guard(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bridge');
    const isHealth = pathname === '/health' && request.method === 'GET';
    // Who asks for health has no token: a container's own check.
    if (refusal !== undefined && !(isHealth && refusal.status === 401)) {
      if (refusal.status === 401) response.setHeader('www-authenticate', 'Bearer');
      return refuse(response, refusal.status, refusal.reason);
    }
    if (isHealth) {
      const { status, body } = this.options.health();
      return sendJson(response, status, body);
    }
    if (this.closed) return refuse(response, 503, 'The bridge is stopping');
    switch (`${request.method} ${pathname.replace(/(?<=.)\/$/, '')}`) {
      case 'POST /mcp':
        return this.post(request, response);
      case 'GET /mcp':
        return this.withSession(request, response, (session) =>
          session.listen(response, firstOf(request.headers['last-event-id'])),
        );
      case 'DELETE /mcp':
        return this.withSession(request, response, async (session) => {
          await session.end();
          response.writeHead(200).end();
        });
      case 'GET /sse':
        return this.openSse(response);
      case 'POST /messages':
        return this.postToSse(request, response, searchParams.get('sessionId') ?? '');
      default: {
        const known = ['/mcp', '/sse', '/messages', '/health'].includes(pathname);
        return refuse(
          response,
          known ? 405 : 404,
          known ? 'Method not allowed' : 'There is /mcp, /sse and /health',
        );
      }
    }
  }

  private async post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { messages, batch } = parseBody(await readBody(request, this.options.bodyBytes));
    const acceptsEvents = /text\/event-stream|\*\/\*/.test(request.headers.accept ?? '');
    const [first] = messages;
    const sessionId = firstOf(request.headers['mcp-session-id']);
    if (first !== undefined && !batch && sessionId === undefined && isModern(first)) {
      return postModern(this.options.stateless, request, response, first, acceptsEvents);
    }
    const requests = messages.filter(isRequest);
    const rest = messages.filter((message) => !isRequest(message));
    const reading = { batch, acceptsEvents };
    if (requests.some(({ method }) => method === 'initialize')) {
      if (sessionId !== undefined && this.sessions.has(sessionId)) {
        return refuse(response, 400, 'This session has been initialized already', rpcCode.invalidRequest);
      }
      if (batch) return refuse(response, 400, 'initialize stands alone', rpcCode.invalidRequest);
      if (this.isFull(response)) return;
      this.newSession().exchange(response, requests, rest, reading);
      return;
    }
    await this.withSession(request, response, (session) => {
      if (requests.length > 0) {
        session.exchange(response, requests, rest, reading);
        return;
      }
      for (const message of rest) session.tell(message);
      response.writeHead(202).end();
    });
  }

  private async withSession(
    request: IncomingMessage,
    response: ServerResponse,
    act: (session: HttpSession) => void | Promise<void>,
  ): Promise<void> {
    const id = firstOf(request.headers['mcp-session-id']);
    if (id === undefined) {
      return refuse(
        response,
        400,
        'Bad Request: the header Mcp-Session-Id is missing: begin with initialize',
      );
    }
    const session = this.sessions.get(id);
    // The specification's sign for clients to begin a new session.
    if (session === undefined) return refuse(response, 404, 'Session not found', -32_001);
    await act(session);
  }

  private newSession(): HttpSession {
    const id = randomUUID();
    const session = new HttpSession({
      id,
      backend: this.options.backend,
      idleMs: this.options.idleMs,
      onEnd: () => this.sessions.delete(id),
    });
    this.sessions.set(id, session);
    return session;
  }

  private async openSse(response: ServerResponse): Promise<void> {
    if (this.isFull(response)) return;
    const id = randomUUID();
    const session = new SseSession(id, response, this.options.backend, () => this.sse.delete(id));
    this.sse.set(id, session);
    try {
      await session.open('/messages');
    } catch (error) {
      refuse(response, 503, reasonOf(error));
    }
  }

  private async postToSse(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { messages } = parseBody(await readBody(request, this.options.bodyBytes));
    const session = this.sse.get(id);
    if (session === undefined) return refuse(response, 404, 'Session not found');
    response.writeHead(202).end('Accepted');
    messages.forEach((message: Message) => session.tell(message));
  }

  private isFull(response: ServerResponse): boolean {
    if (this.sessionCount < this.options.maxSessions) return false;
    response.setHeader('retry-after', '5');
    refuse(response, 503, `All ${this.options.maxSessions} sessions are in use (--max-sessions)`);
    return true;
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  reason: string,
  code: number = rpcCode.server,
): void {
  sendJson(response, status, errorAnswer(null, code, reason));
}
