/** What the MCP fixture servers of all transports have in common: their tools, and what they record. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';

export interface FixtureTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: Record<string, unknown>;
  readonly annotations?: Record<string, unknown>;
  /** Returns a whole MCP result, or a string that becomes its text. Without one, the tool answers with its arguments. */
  readonly handler?: (args: Record<string, unknown>, extra: CallExtra) => unknown;
}

/** What a tool has beside its arguments. */
export interface CallExtra {
  readonly signal: AbortSignal;
  /** True where the client asked for progress. */
  readonly progressAsked: boolean;
  /** Sends a progress notification; does nothing where the client asked for none. */
  progress(progress: number, total?: number, message?: string): Promise<void>;
}

export interface RecordedToolCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  /** What came in `params._meta`. */
  readonly meta?: unknown;
  /** True once the client has cancelled it. */
  cancelled: boolean;
}

export interface FixtureToolOptions {
  tools: readonly FixtureTool[];
  /** Definitions sent as they are, valid or not, after those of `tools`. */
  rawTools?: readonly unknown[];
  /** Tools per page of a listing. */
  pageSize?: number;
  /** Replaces the answer to `tools/list`. May throw, or wait. */
  listTools?(cursor: string | undefined): unknown;
}

/** The tools of one fixture and its record. Lives on when the fixture restarts. */
export class FixtureState {
  /** How often each JSON-RPC method was seen on the wire, `initialize` and notifications included. */
  readonly counts: Record<string, number> = {};
  readonly calls: RecordedToolCall[] = [];
  readonly servers = new Set<Server>();

  constructor(public options: FixtureToolOptions) {}

  /** Counts the messages of a body that was received. */
  count(body: unknown): void {
    for (const message of Array.isArray(body) ? body : [body]) {
      const method: unknown = (message as { method?: unknown } | undefined)?.method;
      if (typeof method === 'string') this.counts[method] = (this.counts[method] ?? 0) + 1;
    }
  }

  /** A real SDK server with these tools, for one session. */
  createServer(): Server {
    const server = new Server(
      { name: 'fixture', version: '1.0.0' },
      { capabilities: { tools: { listChanged: true } } },
    );
    // The fallback, because it validates nothing: fixtures must be able to send malformed things.
    server.fallbackRequestHandler = async (request, extra) => {
      if (request.method === 'tools/list') return this.list(request.params?.['cursor'] as string | undefined);
      if (request.method === 'tools/call') {
        const { progressToken } = (request.params?.['_meta'] ?? {}) as { progressToken?: string | number };
        return this.call(request.params ?? {}, {
          signal: extra.signal,
          progressAsked: progressToken !== undefined,
          async progress(progress, total, message) {
            if (progressToken === undefined) return;
            const params = { progressToken, progress, total, message };
            await extra.sendNotification({ method: 'notifications/progress', params });
          },
        });
      }
      throw Object.assign(new Error('Method not found'), { code: -32601 });
    };
    server.onclose = () => this.servers.delete(server);
    this.servers.add(server);
    return server;
  }

  /** Tells every connected client that the tools changed. */
  async notifyToolsChanged(): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.sendToolListChanged()));
  }

  private async list(cursor: string | undefined): Promise<Record<string, unknown>> {
    if (this.options.listTools !== undefined) {
      return (await this.options.listTools(cursor)) as Record<string, unknown>;
    }
    const all = [
      ...this.options.tools.map(({ handler: _handler, ...tool }) => ({
        inputSchema: { type: 'object' },
        ...tool,
      })),
      ...(this.options.rawTools ?? []),
    ];
    const from = Number(cursor ?? 0);
    const size = this.options.pageSize ?? all.length;
    const next = from + size < all.length ? { nextCursor: String(from + size) } : {};
    return { tools: all.slice(from, from + size), ...next };
  }

  private async call(params: Record<string, unknown>, extra: CallExtra): Promise<Record<string, unknown>> {
    const name = String(params['name']);
    const args = (params['arguments'] ?? {}) as Record<string, unknown>;
    const tool = this.options.tools.find((each) => each.name === name);
    if (tool === undefined) throw Object.assign(new Error(`Unknown tool: ${name}`), { code: -32602 });
    const record: RecordedToolCall = { name, arguments: args, meta: params['_meta'], cancelled: false };
    this.calls.push(record);
    extra.signal.addEventListener('abort', () => (record.cancelled = true));
    const result = tool.handler === undefined ? JSON.stringify(args) : await tool.handler(args, extra);
    if (typeof result === 'string') return { content: [{ type: 'text', text: result }] };
    return result as Record<string, unknown>;
  }
}

/** A promise to be settled by hand: tests order events with it, never with a pause. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  open(value: T): void;
}

export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}
