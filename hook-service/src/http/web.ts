import type { Request as ExpressRequest, Response as ExpressResponse } from 'express';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RequestHeaders } from '../core/callers';

/** Headers of a request, names in lower case; one that came several times is a list with commas. */
export function headersOf(req: ExpressRequest): RequestHeaders {
  return Object.fromEntries(
    Object.entries(req.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
    ),
  );
}

/**
 * A request in the form of the web standard, for libraries that speak it. Without its body, which was read, and without
 * these headers; its signal is aborted when the client goes.
 */
export function webRequest(req: ExpressRequest, res: ExpressResponse, left: ReadonlySet<string>): Request {
  const headers = Object.entries(headersOf(req)).filter(([name]) => !left.has(name));
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });
  const url = new URL(req.originalUrl, 'http://hook-service');
  return new Request(url, { method: req.method, headers, signal: gone.signal });
}

/** Writes a response of that form, piece by piece as it comes. A client that goes ends the response's stream. */
export async function sendWebResponse(response: Response, res: ExpressResponse): Promise<void> {
  res.status(response.status);
  for (const [name, value] of response.headers) res.append(name, value);
  if (response.body === null) {
    res.end();
    return;
  }
  res.flushHeaders();
  // The types of Node and of the standard name the same object differently.
  const body = Readable.fromWeb(response.body);
  await pipeline(body, res).catch(() => undefined);
}
