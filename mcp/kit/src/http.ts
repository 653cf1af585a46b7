import type { Log } from './log';
import { ToolFailure } from './tool';

/** What else a request needs. */
export interface Request {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** An answer that is longer than this, in bytes, is not read to its end. */
const mostBytes = 20_000_000;

/** Asks one HTTP API. */
export class HttpApi {
  constructor(
    private readonly options: {
      /** What the model knows the service by. */
      readonly name: string;
      readonly url: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
      readonly log: Log;
    },
  ) {}

  /** The parsed answer to a GET. Throws `ToolFailure` with the service's own message where it refuses. */
  get(path: string, query: Required<Request>['query'], signal?: AbortSignal): Promise<unknown> {
    return this.json('GET', path, { query, ...(signal === undefined ? {} : { signal }) });
  }

  /** The parsed answer. Throws `ToolFailure` with the service's own message where it refuses. */
  async json(method: string, path: string, request: Request = {}): Promise<unknown> {
    const { name } = this.options;
    const { status, text } = await this.send(method, path, request);
    if (status >= 400) throw new ToolFailure(`${name} answered ${status}: ${text.trim().slice(0, 500)}`);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new ToolFailure(`${name} answered with something that is no JSON.`);
    }
  }

  /** The answer with whatever status. Throws `ToolFailure` where there is none. */
  async send(method: string, path: string, request: Request = {}): Promise<HttpAnswer> {
    const { name, url, headers, timeoutMs, log } = this.options;
    const target = new URL(url.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(request.query ?? {})) target.searchParams.set(key, `${value}`);
    const deadline = AbortSignal.timeout(timeoutMs);
    const hasBody = request.body !== undefined;
    try {
      const response = await fetch(target, {
        method,
        headers: {
          ...headers,
          ...request.headers,
          accept: 'application/json',
          ...(hasBody ? { 'content-type': 'application/json' } : {}),
        },
        ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
        // A redirect could lead anywhere, with our headers.
        redirect: 'error',
        signal: request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]),
      });
      return { status: response.status, text: await textOf(response, name) };
    } catch (error) {
      if (error instanceof ToolFailure) throw error;
      log.error('a request failed', { service: name, path, error });
      throw new ToolFailure(
        deadline.aborted
          ? `${name} did not answer within ${timeoutMs / 1000} s.`
          : `${name} cannot be reached now.`,
      );
    }
  }

  /** Throws where the service does not answer this path with success; the message is public. */
  async check(path: string): Promise<void> {
    const { name, url, headers } = this.options;
    const response = await fetch(url.replace(/\/$/, '') + path, {
      ...(headers === undefined ? {} : { headers }),
      redirect: 'error',
      signal: AbortSignal.timeout(4_000),
    }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok !== true) throw new Error(`${name} does not answer`);
  }
}

async function textOf(response: Response, name: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Node can iterate over a body; the DOM's type of it does not say so.
  const body: AsyncIterable<Uint8Array> | [] = (response.body as AsyncIterable<Uint8Array> | null) ?? [];
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > mostBytes) throw new ToolFailure(`${name} answered with more than ${mostBytes} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
