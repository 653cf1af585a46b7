import type { FetchLike } from '@modelcontextprotocol/client';
import { lookup as resolve, type LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { AddressClass } from '../core/ports';
import { addressClass } from './address-class';
import { readText } from '../wire/http-client';

/** An address that was named by somebody else than the config, and may not be asked. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';
}

export interface FetchGuard {
  /** The server whose answers name further addresses. */
  readonly server: URL;
  /** Origins that the config itself names: not guarded. */
  readonly trusted: ReadonlySet<string>;
  readonly timeoutMs: number;
}

const bodyLimit = 1_000_000;
/** A server may lead to addresses that reach as far as its own, or farther; never to nearer ones. */
const reach: Readonly<Record<AddressClass, number>> = { forbidden: -1, loopback: 0, private: 1, public: 2 };

/**
 * `fetch` for addresses that a server names (OAuth metadata and token endpoints; server-side request forgery, MCP security
 * best practices). https only, but on loopback; no user in the address; no redirect is followed; the address that a name
 * resolves to is checked in the very lookup that the connection uses. Rejects with `RefusedAddress`.
 */
export function guardedFetch(guard: FetchGuard): FetchLike {
  return async (input, init) => {
    const url = new URL(input);
    const isTrusted = guard.trusted.has(url.origin);
    const floor = isTrusted ? undefined : await reachOf(guard.server);
    if (floor !== undefined) checkForm(url, floor);
    const answer = await send(url, init ?? {}, guard.timeoutMs, floor);
    const status = answer.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      answer.destroy();
      throw new RefusedAddress(`${url.origin} redirects, which is not followed`);
    }
    const body = await readText(answer, bodyLimit);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    return new Response([101, 204, 205, 304].includes(status) ? null : body, { status, headers });
  };
}

function checkForm(url: URL, floor: number): void {
  const host = hostOf(url);
  const onLoopback = host === 'localhost' || addressClass(host) === 'loopback';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && onLoopback)) {
    throw new RefusedAddress(`${url.origin} is no https address`);
  }
  if (url.username !== '' || url.password !== '')
    throw new RefusedAddress(`${url.origin} is given with a user in it`);
  // For an address in numbers no lookup will be made.
  if (isIP(host) !== 0) checkReach(url.origin, host, floor);
}

function checkReach(name: string, address: string, floor: number): void {
  if (reach[addressClass(address)] < floor)
    throw new RefusedAddress(`${name} is an address that this server may not name`);
}

function send(
  url: URL,
  init: RequestInit,
  timeoutMs: number,
  floor: number | undefined,
): Promise<http.IncomingMessage> {
  const body = init.body === undefined || init.body === null ? undefined : bodyText(init.body);
  const headers = Object.fromEntries(new Headers(init.headers));
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  return new Promise((resolvePromise, reject) => {
    const outgoing = (url.protocol === 'https:' ? https : http).request(url, {
      method: init.method ?? 'GET',
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      lookup: floor === undefined ? resolve : guardedLookup(url.origin, floor),
    });
    outgoing.once('response', resolvePromise);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function guardedLookup(origin: string, floor: number): NonNullable<http.RequestOptions['lookup']> {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, '');
      try {
        for (const { address } of addresses) checkReach(origin, address, floor);
      } catch (refused) {
        return callback(refused as NodeJS.ErrnoException, '');
      }
      if (options.all === true) return callback(null, addresses);
      callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };
}

/** How far the server itself reaches: the nearest of its addresses counts. */
async function reachOf(server: URL): Promise<number> {
  const host = hostOf(server);
  if (isIP(host) !== 0) return Math.max(0, reach[addressClass(host)]);
  const addresses = await new Promise<LookupAddress[]>((done) =>
    resolve(host, { all: true }, (error, found) => done(error === null ? found : [])),
  );
  const reaches = addresses.map(({ address }) => reach[addressClass(address)]);
  return reaches.length === 0 ? reach.public : Math.max(0, Math.min(...reaches));
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function bodyText(body: NonNullable<RequestInit['body']>): string {
  if (typeof body === 'string') return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError('Only texts and forms can be sent');
}
