import type { NextFunction, Request, Response } from 'express';
import { ToolturnError } from '../core/errors';
import type { Sessions } from './sessions';

/** A page of another site cannot send it without asking first, and nobody ever answers that question. */
const ownHeader = 'x-toolturn-console';

const refused = (message: string, status = 403): ToolturnError =>
  new ToolturnError('unauthorized', message, { status });

/**
 * Headers of every answer: only what is served here is loaded, nothing is framed, stored or told to others. Trusted
 * types are forbidden altogether, so that no text of a server can be made into markup.
 */
export function secureHeaders(_req: Request, res: Response, next: NextFunction): void {
  res.set({
    'content-security-policy':
      "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    // Not no-referrer: with that a browser sends "Origin: null" with the login form.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cache-control': 'no-store',
  });
  next();
}

/**
 * Refuses requests that a page of another origin makes. Cookies do not know ports, and to a browser all ports of a
 * host are one site, so `SameSite` alone lets a page at another port in.
 */
export function sameOrigin(req: Request, _res: Response, next: NextFunction): void {
  const { origin, host } = req.headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    throw refused('This request comes from another page than the console.');
  if (req.method !== 'GET' && req.method !== 'HEAD' && origin === undefined)
    throw refused('The request has no Origin header: the console is for browsers.');
  next();
}

/** Refuses what changes or runs something without the header that only the console's own page sends. */
export function fromOwnPage(req: Request, _res: Response, next: NextFunction): void {
  if (req.method === 'POST' && req.get(ownHeader) === undefined)
    throw refused(`The header ${ownHeader} is missing.`);
  next();
}

/** The session's name carries the port: two consoles on one host must not end each other's sessions. */
export const cookieName = (req: Request): string => `toolturn_console_${req.socket.localPort ?? 0}`;

/** The session that came with a request. */
export function sessionOf(req: Request): string | undefined {
  const wanted = cookieName(req);
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === wanted) return value;
  }
  return undefined;
}

export function requireSession(sessions: Sessions) {
  return (req: Request, _res: Response, next: NextFunction): void => {
    if (!sessions.isOpen(sessionOf(req))) throw refused('Log in to the console first.', 401);
    next();
  };
}
