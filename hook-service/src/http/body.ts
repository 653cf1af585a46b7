import type { IncomingMessage, ServerResponse } from 'node:http';
import { ToolturnError, type ErrorCode } from '../core/errors';

/** What can be wrong with a body, by the types of the body parser's errors. */
const problems = {
  'entity.too.large': ['body_too_large', 'The body is larger than limits.body_bytes allows.'],
  'entity.parse.failed': ['bad_request', 'The body is not valid JSON.'],
  'request.aborted': ['bad_request', 'The request was cut off.'],
  'encoding.unsupported': ['bad_request', 'The content encoding is not supported.'],
  'charset.unsupported': ['bad_request', 'The charset is not supported; use UTF-8.'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;
type BodyProblem = keyof typeof problems;

export const isBodyProblem = (type: unknown): type is BodyProblem =>
  typeof type === 'string' && Object.hasOwn(problems, type);

/** The error that says it. */
export function bodyError(problem: BodyProblem, cause?: unknown): ToolturnError {
  const [code, message] = problems[problem];
  return new ToolturnError(code, message, { cause });
}

/**
 * Reads a JSON body whole. Rejects with `ToolturnError` where it is longer than `maxBytes`, is compressed, is cut off or
 * is no JSON.
 */
export async function readJson(req: IncomingMessage, maxBytes: number): Promise<unknown> {
  const { 'content-encoding': encoding, 'content-length': length } = req.headers;
  if (encoding !== undefined && encoding !== 'identity') throw bodyError('encoding.unsupported');
  // Before anything of it is read.
  if (Number(length ?? 0) > maxBytes) throw bodyError('entity.too.large');
  const text = await readBody(req, maxBytes);
  if (text === '') throw new ToolturnError('bad_request', 'The body is empty: it must be a JSON object.');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bodyError('entity.parse.failed', error);
  }
}

function readBody(req: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    req.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > maxBytes) {
        req.pause();
        reject(bodyError('entity.too.large'));
      } else pieces.push(piece);
    });
    req.once('end', () => {
      const [only] = pieces;
      resolve((only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces)).toString('utf8'));
    });
    const cutOff = (cause?: Error): void => {
      if (!req.readableEnded) reject(bodyError('request.aborted', cause));
    };
    req.once('error', cutOff).once('close', cutOff);
  });
}

/** Answers with JSON. Headers that were set before go with it. */
export function sendJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  const head = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  };
  res.writeHead(status, head).end(text);
}
