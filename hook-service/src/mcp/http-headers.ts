import { PROTOCOL_VERSION_META_KEY, type JSONRPCMessage } from '@modelcontextprotocol/client';

export type Headers = Readonly<Record<string, string>>;

/** The protocol version that a modern request carries in its own `_meta`; undefined on a legacy connection. */
export function envelopeVersion(message: JSONRPCMessage): string | undefined {
  if (!('method' in message)) return undefined;
  const version = message.params?._meta?.[PROTOCOL_VERSION_META_KEY];
  return typeof version === 'string' ? version : undefined;
}

/** Adds the headers which the 2026-07-28 revision derives from a request's own `_meta`. */
export function withEnvelope(headers: Headers, message: JSONRPCMessage): Headers {
  const version = envelopeVersion(message);
  if (version === undefined || !('method' in message)) return headers;
  const name: unknown = message.params?.['name'] ?? message.params?.['uri'];
  return {
    ...headers,
    'mcp-protocol-version': version,
    'mcp-method': message.method,
    ...(typeof name === 'string' ? { 'mcp-name': encodeHeader(name) } : {}),
  };
}

/** The specification's form for values that are no safe header value: `=?base64?…?=`. */
export function encodeHeader(value: string): string {
  const safe = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return safe ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** The handshake must not carry the id of an earlier session. */
export function withoutSession(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'mcp-session-id'));
}
