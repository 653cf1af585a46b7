import type { Response } from 'express';
import type { ToolturnError } from '../core/errors';
import type { Log } from '../core/ports';

export interface Refusal {
  /** Where it happened, without the query. */
  readonly path: string;
  readonly problem: ToolturnError;
  /** What was thrown: for the log alone. */
  readonly error: unknown;
  /** How a caller without a good credential is asked for one (RFC 9110, 11.6.1). */
  readonly challenge: string;
  readonly body: object;
}

/** Logs a request that is refused, and answers it with its status; one that has begun to answer is broken off. */
export function refuse(res: Response, log: Log, { path, problem, error, challenge, body }: Refusal): void {
  const { status, code, message: reason } = problem;
  log[status >= 500 ? 'error' : 'warn']('request refused', { path, status, code, reason, error });
  if (res.headersSent) {
    res.destroy();
    return;
  }
  if (problem.retryAfterSeconds !== undefined) res.set('retry-after', String(problem.retryAfterSeconds));
  if (status === 401) res.set('www-authenticate', challenge);
  // What is left of a body that was refused is not read.
  res.set('connection', 'close');
  res.status(status).json(body);
}
