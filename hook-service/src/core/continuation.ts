import { connectionHeaders } from './connection-headers';
import type { HookRequest } from './hooks';
import { belongingHeader } from './belonging';
import { markHeader } from './mark';
import type { Carrier, TraceContext } from './ports';
import { surfaceHeader } from './surface';
import type { Continuation } from './askers';

/**
 * Headers that belong to one connection or one request and must not go along with the next: hop-by-hop ones
 * (RFC 9110, 7.6.1), what describes the body, the SDK's own, those for MCP servers, and ours.
 */
const left = new Set([
  ...connectionHeaders,
  'content-length',
  'content-type',
  'content-encoding',
  'accept',
  'accept-encoding',
  'cookie',
  'origin',
  'referer',
  'idempotency-key',
  'x-litellm-call-id',
  'x-request-id',
  markHeader,
  belongingHeader,
  surfaceHeader,
]);
const leftPrefixes = ['x-mcp-', 'x-stainless-', 'x-forwarded-', 'sec-'];

/**
 * The caller's headers as a continuation carries them: its key above all, and every header of its dialect.
 * `keyHeader` is the one LiteLLM reads keys from by config, whatever it is called.
 */
function continuationHeaders(
  headers: Readonly<Record<string, string>>,
  keyHeader?: string,
): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name]) =>
      name === keyHeader || !(left.has(name) || leftPrefixes.some((prefix) => name.startsWith(prefix))),
  );
  return Object.fromEntries(kept);
}

interface Continuing {
  /** Makes the mark that keeps our own hooks out. */
  readonly mark: () => string;
  /** Says to what a round belongs. */
  readonly of: (roundNumber: number) => string;
  /** The header LiteLLM reads keys from by config. */
  readonly keyHeader?: string;
  /** Each round's span; absent: continuations carry what the client sent. */
  readonly traceOfRound?: (round: number) => TraceContext;
  /** What brings them to LiteLLM; absent: HTTP. */
  readonly carrier?: Carrier;
}

/** Continuations of one turn: same endpoint, same caller. */
export function continuationOf(
  request: HookRequest,
  { mark, of, keyHeader, traceOfRound, carrier }: Continuing,
): Continuation {
  const headers = continuationHeaders(request.headers, keyHeader?.toLowerCase());
  return (body, roundNumber, signal) => ({
    path: request.path,
    headers: {
      ...headers,
      ...traceOfRound?.(roundNumber),
      [markHeader]: mark(),
      [belongingHeader]: of(roundNumber),
    },
    body,
    signal,
    ...(carrier && { carrier }),
  });
}
