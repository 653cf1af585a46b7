/**
 * The two kinds of failure. A tool that fails is data for the model (see `Outcome`); only a failure of
 * Toolturn itself or of the request is thrown, always as a `ToolturnError`.
 */

/** Every error code of ours, with the HTTP status that goes with it. */
const errorStatus = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  body_too_large: 413,
  config_invalid: 500,
  internal: 500,
  too_many_requests: 429,
  upstream_failed: 502,
  overloaded: 503,
  shutting_down: 503,
  deadline_exceeded: 504,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** An error whose `message` may be shown to a caller: it holds no secret, no host name and no stack. */
export class ToolturnError extends Error {
  override readonly name = 'ToolturnError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown; status?: number; retryAfterSeconds?: number },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.status = options?.status ?? errorStatus[code];
    if (options?.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** When it may be tried again, where that is known. */
  readonly retryAfterSeconds?: number;

  /** The HTTP status the caller sees. */
  readonly status: number;
}

/**
 * The part of a provider's error that a client may read: the first line. LiteLLM appends the request with its
 * messages, pieces of the stream and Python tracebacks below it, and with them calls the client must not see.
 */
export function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 1000);
}
