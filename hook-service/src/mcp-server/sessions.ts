import { WebStandardStreamableHTTPServerTransport, type Server } from '@modelcontextprotocol/server';
import { createHash, randomUUID } from 'node:crypto';
import type { McpVisit } from '../core/mcp-endpoint';

export interface SessionOptions {
  /** Most sessions at once, of everybody. */
  readonly most: number;
  /** Most sessions of one caller at one path. */
  readonly mostOfOne: number;
  /** A session that nothing was asked of for so long, and that waits for nothing, is ended. */
  readonly idleMs: number;
  /** Makes the protocol server of a new session; `visit` gives who asks at that moment. */
  readonly createServer: (visit: () => McpVisit) => Server;
}

interface Session {
  readonly id: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly server: Server;
  /** As its latest request came: what the caller may use can have changed. */
  visit: McpVisit;
  usedAt: number;
  /** Answers that are being written, the standing stream included. */
  open: number;
  /** What the client was last told, or could have listed. */
  seen: string;
}

/**
 * Sessions of clients that speak the protocol of 2025 and before, where a handshake comes first. Each belongs to the
 * caller and the path it was opened with; for everybody else it is not there.
 */
export class Sessions {
  private readonly byId = new Map<string, Session>();
  private readonly sweep: NodeJS.Timeout;

  constructor(private readonly options: SessionOptions) {
    this.sweep = setInterval(() => this.endIdle(), Math.min(options.idleMs, 60_000));
    this.sweep.unref();
  }

  get size(): number {
    return this.byId.size;
  }

  /** Answers a request within a session, or one that opens one. */
  async handle(request: Request, visit: McpVisit, body: unknown): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    if (id === null) return this.opening(request, visit, body);
    const session = this.byId.get(id);
    if (session === undefined || session.visit.owner !== visit.owner) return noSession();
    session.visit = visit;
    return this.answer(session, request, body);
  }

  /** Tells the clients whose tools are others than they were. */
  notify(toolsOf: (visit: McpVisit) => string): void {
    for (const session of this.byId.values()) {
      const now = createHash('sha256').update(toolsOf(session.visit)).digest('base64');
      if (now === session.seen) continue;
      session.seen = now;
      // One without a standing stream hears nothing; it lists again when it likes.
      session.server.sendToolListChanged().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.sweep);
    await Promise.all([...this.byId.values()].map((session) => this.end(session)));
  }

  private async opening(request: Request, visit: McpVisit, body: unknown): Promise<Response> {
    const of = [...this.byId.values()].filter((session) => session.visit.owner === visit.owner);
    // A client that never ends its sessions takes its own oldest one, nobody else's.
    if (of.length >= this.options.mostOfOne) await this.endOldest(of);
    if (this.byId.size >= this.options.most) await this.endOldest([...this.byId.values()]);
    if (this.byId.size >= this.options.most) return tooMany();
    let current = visit;
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        const session: Session = {
          id,
          transport,
          server,
          get visit() {
            return current;
          },
          set visit(next) {
            current = next;
          },
          usedAt: Date.now(),
          open: 0,
          seen: '',
        };
        this.byId.set(id, session);
      },
      onsessionclosed: (id) => void this.byId.delete(id),
    });
    const server = this.options.createServer(() => current);
    server.onclose = () => transport.sessionId !== undefined && this.byId.delete(transport.sessionId);
    await server.connect(transport);
    const response = await transport.handleRequest(request, { parsedBody: body });
    const session = transport.sessionId === undefined ? undefined : this.byId.get(transport.sessionId);
    if (session === undefined) {
      // No handshake: the transport has said what is wrong, and nothing stays.
      await server.close();
      return response;
    }
    return this.counted(session, response);
  }

  private async answer(session: Session, request: Request, body: unknown): Promise<Response> {
    session.usedAt = Date.now();
    const response = await session.transport.handleRequest(request, { parsedBody: body });
    return this.counted(session, response);
  }

  /** The response, with its stream counted as open until it ends or the client goes. */
  private counted(session: Session, response: Response): Response {
    if (response.body === null) return response;
    session.open += 1;
    let isOpen = true;
    const done = () => {
      if (isOpen) session.open -= 1;
      isOpen = false;
      session.usedAt = Date.now();
    };
    const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done: ended, value } = await reader.read();
          if (value !== undefined) controller.enqueue(value);
          if (!ended) return;
          done();
          controller.close();
        } catch (error) {
          done();
          controller.error(error);
        }
      },
      async cancel(reason) {
        done();
        await reader.cancel(reason);
      },
    });
    return new Response(body, { status: response.status, headers: response.headers });
  }

  private endIdle(): void {
    const before = Date.now() - this.options.idleMs;
    for (const session of this.byId.values())
      if (session.open === 0 && session.usedAt < before) void this.end(session);
  }

  private async endOldest(sessions: readonly Session[]): Promise<void> {
    const idle = sessions.filter((session) => session.open === 0);
    const from = idle.length > 0 ? idle : sessions;
    const [oldest] = [...from].sort((a, b) => a.usedAt - b.usedAt);
    if (oldest !== undefined) await this.end(oldest);
  }

  private async end(session: Session): Promise<void> {
    this.byId.delete(session.id);
    await session.server.close().catch(() => undefined);
  }
}

function rpcError(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32001, message }, id: null }, { status });
}

/** 404 is what makes a client open a new session. */
const noSession = (): Response => rpcError(404, 'Session not found. Begin with initialize.');
const tooMany = (): Response => rpcError(503, 'Too many sessions are open. Try again later.');
