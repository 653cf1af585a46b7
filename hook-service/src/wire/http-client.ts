/**
 * The HTTP we need of a remote MCP server, on node:http with one keep-alive agent. `fetch` would cost two to
 * four times the CPU of a call (docs/mcp-call-cost.md) and cannot say whether a request ever left this machine.
 */
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

/** A request that got no answer, or an answer that broke off. */
export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';

  constructor(
    /** `ECONNREFUSED` and the like, or one of our own words: `aborted`, `stream_ended`, `too_large`, `no_answer`. */
    readonly code: string,
    /** False only where it is certain that the server did not get the request. */
    readonly sent: boolean,
    cause?: unknown,
  ) {
    super(`HTTP exchange failed: ${code}`, cause === undefined ? undefined : { cause });
  }
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Exchange {
  /** The answer's head; its body is still to be read. Rejects with `ExchangeFailure`. */
  readonly answer: Promise<http.IncomingMessage>;
  /** Ends the exchange at any moment, also while its body is read. */
  abort(): void;
}

export interface HttpClient {
  open(request: ExchangeRequest): Exchange;
  /** Ends every exchange and closes the idle sockets. */
  close(): void;
}

export interface HttpClientOptions {
  /** More calls at once than this wait for a socket. */
  readonly maxSockets: number;
  /**
   * For how long a socket may have been idle that is used without a look at it first; in milliseconds. For requests that
   * are made again where they were lost. Absent: every idle one is looked at.
   */
  readonly trustedMs?: number;
}

/**
 * Idle sockets are given up before servers do it: Node and uvicorn close theirs after 5 s, and a request sent
 * at that very moment is one of which nobody knows whether it ran.
 */
const idleSocketMs = 4_000;

/** An HTTP client for one server. It follows no redirect and asks for no compression. */
export function createHttpClient(origin: URL, options: HttpClientOptions): HttpClient {
  const secure = origin.protocol === 'https:';
  const agentOptions = {
    keepAlive: true,
    keepAliveMsecs: 15_000,
    maxSockets: options.maxSockets,
    maxFreeSockets: options.maxSockets,
    timeout: idleSocketMs,
    scheduling: 'lifo' as const,
  };
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const send = secure ? https.request : http.request;
  const { trustedMs = 0 } = options;
  const freedAt = new WeakMap<object, number>();
  if (trustedMs > 0) agent.on('free', (socket: object) => freedAt.set(socket, performance.now()));
  const isToBeLookedAt = (): boolean => {
    const next = nextIdleSocket(agent);
    return next !== undefined && performance.now() - (freedAt.get(next) ?? -Infinity) >= trustedMs;
  };
  const open = new Set<http.ClientRequest>();
  // Parsing a URL costs more than the rest of a request's options together, and there are one or two of them.
  const targets = new Map<string, http.RequestOptions>();

  const target = (url: URL): http.RequestOptions => {
    const known = targets.get(url.href);
    if (known !== undefined) return known;
    const parsed = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      path: url.pathname + url.search,
      agent,
    };
    if (targets.size < 16) targets.set(url.href, parsed);
    return parsed;
  };

  return {
    open(request) {
      let reached = false;
      let aborted = false;
      let outgoing: http.ClientRequest | undefined;
      let refuse: (failure: ExchangeFailure) => void;
      const headers: Record<string, string | number> = { ...request.headers };
      if (request.body !== undefined) headers['content-length'] = Buffer.byteLength(request.body);

      const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
        refuse = reject;
        const begin = () => {
          if (aborted) return;
          try {
            outgoing = send({ ...target(request.url), method: request.method, headers });
          } catch (error) {
            // A header value that HTTP cannot carry.
            reject(new ExchangeFailure(codeOf(error), false, error));
            return;
          }
          const sending = outgoing;
          open.add(sending);
          sending.once('socket', (socket) => {
            if (!socket.connecting) reached = true;
            else socket.once(secure ? 'secureConnect' : 'connect', () => (reached = true));
          });
          sending.once('response', resolve);
          sending.once('close', () => open.delete(sending));
          sending.on('error', (error) => {
            const code = aborted ? 'aborted' : codeOf(error);
            // EPIPE: the peer had closed before our first byte was taken.
            reject(new ExchangeFailure(code, reached && code !== 'EPIPE', error));
          });
          sending.end(request.body);
        };
        if (isToBeLookedAt()) afterPoll(begin);
        else begin();
      });
      return {
        answer,
        abort() {
          aborted = true;
          if (outgoing === undefined) refuse(new ExchangeFailure('aborted', false));
          else outgoing.destroy();
        },
      };
    },
    close() {
      for (const outgoing of open) outgoing.destroy();
      agent.destroy();
    },
  };
}

/** The one that the agent takes next: of those of its one server, the last that was freed. */
function nextIdleSocket(agent: http.Agent): object | undefined {
  return Object.values(agent.freeSockets)
    .find((sockets) => sockets !== undefined && sockets.length > 0)
    ?.at(-1);
}

/**
 * Runs once the event loop has looked at its sockets. News that the server closed an idle one may be waiting there;
 * a request written to it would be lost, and nobody could say whether it ran. Whatever else is waiting comes first.
 */
function afterPoll(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}

/** Reads a body to its end. Rejects with `ExchangeFailure` when it breaks off or is larger than `limit` bytes. */
export function readText(answer: Readable, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    if (answer.destroyed) reject(new ExchangeFailure('stream_ended', true));
    answer.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        reject(new ExchangeFailure('too_large', true));
        answer.destroy();
        return;
      }
      chunks.push(chunk);
    });
    answer.once('end', () => {
      const only = chunks.length === 1 ? chunks[0] : undefined;
      resolve((only ?? Buffer.concat(chunks)).toString('utf8'));
    });
    answer.once('error', (error) => reject(new ExchangeFailure(codeOf(error), true, error)));
    answer.once('close', () => rejectIncomplete(answer, reject));
  });
}

/** For the end of a body's stream. An error is only made where there is one: its stack is worth 5 % of a call. */
export function rejectIncomplete(answer: Readable, reject: (failure: ExchangeFailure) => void): void {
  if (!answer.readableEnded) reject(new ExchangeFailure('stream_ended', true));
}

/** The media type without its parameters, in lower case. */
export function mediaType(answer: http.IncomingMessage): string {
  return (answer.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Node's error code, or the error's name where it has none. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
