import type { ServerResponse } from 'node:http';
import { ToolturnError } from '../core/errors';
import type { Log } from '../core/ports';
import { bodyError, isBodyProblem, sendJson } from './body';

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
export function refuse(
  res: ServerResponse,
  log: Log,
  { path, problem, error, challenge, body }: Refusal,
): void {
  logRefusal(log, path, problem, error);
  const { status } = problem;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  if (problem.retryAfterSeconds !== undefined)
    res.setHeader('retry-after', String(problem.retryAfterSeconds));
  if (status === 401) res.setHeader('www-authenticate', challenge);
  // What is left of a body that was refused is not read.
  res.setHeader('connection', 'close');
  sendJson(res, status, body);
}

/** The one place where an error becomes a response. Texts of errors that are not ours stay in the log. */
export function fail(res: ServerResponse, log: Log, path: string, error: unknown): void {
  const problem = asToolturnError(error);
  refuse(res, log, {
    path,
    problem,
    error,
    challenge: 'Bearer',
    body: errorBody(problem),
  });
}

/** The same where the answer has begun, and is lines: the error is one. */
export function refusalLine(log: Log, path: string, error: unknown): object {
  const problem = asToolturnError(error);
  logRefusal(log, path, problem, error);
  return { status: problem.status, ...errorBody(problem) };
}

const errorBody = ({ message, code, status }: ToolturnError): object => ({
  error: { message, type: code, code: String(status) },
});

function logRefusal(log: Log, path: string, problem: ToolturnError, error: unknown): void {
  const { status, code, message: reason } = problem;
  log[status >= 500 ? 'error' : 'warn']('request refused', { path, status, code, reason, error });
}

/** Errors of the body parser carry a status and a type; they say nothing secret. */
export function asToolturnError(error: unknown): ToolturnError {
  if (error instanceof ToolturnError) return error;
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  if (isBodyProblem(type)) return bodyError(type, error);
  return new ToolturnError('internal', 'An internal error; the log says more.', { cause: error });
}
