import { createHash } from 'node:crypto';
import { connectionHeaders } from './connection-headers';
import type { Caller, ServerHeaders } from './caller';
import { ToolturnError } from './errors';
import { chosenServers } from './selection';
import type { RemoteServer, ServerConfig } from './servers';

const prefix = 'x-mcp-';
/** Headers of this prefix that mean something else at LiteLLM. */
const chooses = new Set(['x-mcp-servers', 'x-mcp-access-groups']);
const legacyAuth = 'x-mcp-auth';

/**
 * What a client may not set: the connection (RFC 9110, 7.6.1), the message, the MCP protocol, where the request
 * seems to come from, and what Toolturn itself says to servers.
 */
const reserved = new Set([
  ...connectionHeaders,
  'origin',
  'accept',
  'accept-encoding',
  'last-event-id',
  'forwarded',
  'via',
  'x-real-ip',
]);
const reservedPrefixes = ['content-', 'mcp-', 'x-forwarded-', 'x-toolturn'];

/**
 * Reads a client's headers for single servers, `x-mcp-<alias or name>-<header>: value`, as LiteLLM's own MCP endpoint
 * takes them. LiteLLM 1.77.3 cuts at the last dash and later versions at the first, so that `x-mcp-db-x-api-key` or an
 * alias with a dash goes wrong in one of them; here the longest alias that fits wins. Throws `bad_request`, without
 * the value, for a header that no server can get.
 */
export function readServerHeaders(
  headers: Readonly<Record<string, string>>,
  servers: readonly ServerConfig[],
  key?: string,
): ServerHeaders | undefined {
  const found = new Map<string, Record<string, string>>();
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase();
    if (!name.startsWith(prefix) || chooses.has(name)) continue;
    const target =
      name === legacyAuth ? authTarget(headers, servers, value) : targetOf(name, servers, value.trim());
    checkHeader(name, target, key);
    const { server, header } = target;
    found.set(server.publicName, { ...found.get(server.publicName), [header]: target.value });
  }
  return found.size === 0 ? undefined : Object.fromEntries(found);
}

interface Target {
  readonly server: ServerConfig;
  readonly header: string;
  readonly value: string;
}

function targetOf(name: string, servers: readonly ServerConfig[], value: string): Target {
  const rest = name.slice(prefix.length);
  const fits = servers.flatMap((server) =>
    [server.publicName, server.name].flatMap((alias) => {
      const strength = likeness(rest, alias.toLowerCase());
      return strength === 0 ? [] : [{ server, length: alias.length, strength }];
    }),
  );
  fits.sort((a, b) => b.length - a.length || b.strength - a.strength);
  const best = fits[0];
  if (best === undefined) {
    throw badHeader(name, 'names no MCP server that is known (x-mcp-<alias>-<header>)');
  }
  return { server: best.server, header: rest.slice(best.length + 1), value };
}

/** 2 where the text begins with the alias, 1 where only `_` and `-` differ (proxies drop names with `_`), else 0. */
function likeness(rest: string, alias: string): number {
  if (rest.length <= alias.length + 1 || rest[alias.length] !== '-') return 0;
  const begin = rest.slice(0, alias.length);
  if (begin === alias) return 2;
  return begin.replaceAll('_', '-') === alias.replaceAll('_', '-') ? 1 : 0;
}

/**
 * LiteLLM's older `x-mcp-auth` is one credential, which LiteLLM sends to every server in the form of its `auth_type`.
 * A credential is for one server: it is taken where the request chooses exactly one.
 */
function authTarget(
  headers: Readonly<Record<string, string>>,
  servers: readonly ServerConfig[],
  value: string,
): Target {
  const chosen = chosenServers(headers, servers);
  const only = chosen?.length === 1 ? servers.find((server) => server.publicName === chosen[0]) : undefined;
  if (only === undefined) {
    throw badHeader(
      legacyAuth,
      'would reach every MCP server: send x-mcp-<alias>-authorization, or choose one server in x-mcp-servers',
    );
  }
  const text = value.trim();
  switch (only.transport === 'stdio' ? undefined : only.authType) {
    case 'bearer_token':
      return { server: only, header: 'authorization', value: `Bearer ${text}` };
    case 'basic':
      return { server: only, header: 'authorization', value: `Basic ${text}` };
    case 'api_key':
      return { server: only, header: 'x-api-key', value: text };
    default:
      return { server: only, header: 'authorization', value: text };
  }
}

function checkHeader(name: string, { server, header, value }: Target, key: string | undefined): void {
  if (server.transport === 'stdio') {
    throw badHeader(name, `is for ${server.publicName}, which runs as a program and takes no headers`);
  }
  if (isReserved(header, server)) throw badHeader(name, `sets "${header}", which a client cannot set`);
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(header)) throw badHeader(name, 'names no HTTP header');
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    throw badHeader(name, 'holds a character that no header may hold');
  if (holdsKey(value, key)) {
    throw badHeader(name, 'holds the LiteLLM key of this request, which no MCP server may get');
  }
}

function isReserved(header: string, server: RemoteServer): boolean {
  return (
    reserved.has(header) ||
    reservedPrefixes.some((each) => header.startsWith(each)) ||
    server.settings?.identity?.header === header
  );
}

/** LiteLLM tells us the SHA-256 of the key, or what a custom auth function calls it. */
function holdsKey(value: string, key: string | undefined): boolean {
  if (key === undefined || key === '') return false;
  return value
    .split(/[\s,:;="']+/)
    .some((part) => part === key || createHash('sha256').update(part).digest('hex') === key);
}

function badHeader(name: string, problem: string): ToolturnError {
  return new ToolturnError('bad_request', `The header ${name.slice(0, 120)} ${problem}.`);
}

/** The caller, with what the request's headers say to single servers. Throws as `readServerHeaders` does. */
export function withServerHeaders(
  caller: Caller,
  headers: Readonly<Record<string, string>>,
  servers: readonly ServerConfig[],
): Caller {
  const serverHeaders = readServerHeaders(headers, servers, caller.key);
  return serverHeaders === undefined ? caller : { ...caller, serverHeaders };
}
