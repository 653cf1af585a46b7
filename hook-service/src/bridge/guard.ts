import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

export interface GuardOptions {
  /** More names under which the bridge may be called; `*`: any. */
  readonly allowedHosts: readonly string[];
  /** What clients have to send as bearer token; absent: nothing. */
  readonly token?: string;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly reason: string;
}

/**
 * Keeps web pages out. A page can make a browser call us under a name of its own that resolves to our address (DNS
 * rebinding), so a `Host` is taken only if no stranger can own it: an address, `localhost`, a name without a dot as
 * container networks have them, or one of the allowed. An `Origin` must be the host itself, this machine, or allowed.
 */
export function createGuard(options: GuardOptions): (request: IncomingMessage) => Refusal | undefined {
  const allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const token = options.token === undefined ? undefined : digest(`Bearer ${options.token}`);

  return ({ headers }) => {
    const host = hostName(headers.host);
    if (host === undefined || !(allowed.has('*') || allowed.has(host) || isOurs(host))) {
      const reason = `Host ${(host ?? '').slice(0, 100)} is not allowed: add --allowed-host where it is right`;
      return { status: 403, reason };
    }
    const { origin } = headers;
    if (origin !== undefined && !allowed.has('*')) {
      const name = URL.canParse(origin) ? hostName(new URL(origin).host) : undefined;
      if (name === undefined || !(name === host || allowed.has(name) || isLoopback(name))) {
        return { status: 403, reason: 'This Origin is not allowed' };
      }
    }
    const given = digest(headers.authorization ?? '');
    if (token !== undefined && !timingSafeEqual(token, given)) {
      return { status: 401, reason: 'The bearer token is missing or wrong' };
    }
    return undefined;
  };
}

/** The name in a Host header, without its port, in lower case. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/i.exec(host ?? '');
  return match?.[1]?.toLowerCase().replace(/^\[|\]$/g, '');
}

function isOurs(host: string): boolean {
  return isIP(host) !== 0 || !host.includes('.') || isLoopback(host);
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d+){3}$/.test(host)
  );
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
