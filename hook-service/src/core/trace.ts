import { createHash } from 'node:crypto';
import type { TraceContext } from './ports';

const traceparent =
  /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{0,128})?$/;
/** The specification asks for 512 characters at least; what is longer may be dropped. */
const tracestateLimit = 512;

/** The trace that a request belongs to (W3C Trace Context); undefined where it names none, or one that is no trace. */
export function traceOf(headers: Readonly<Record<string, string>>): TraceContext | undefined {
  const parent = headers['traceparent']?.trim() ?? '';
  if (!traceparent.test(parent) || parent.startsWith('ff')) return undefined;
  const state = headers['tracestate']?.trim() ?? '';
  const isGood = state !== '' && state.length <= tracestateLimit && /^[\x20-\x7e]*$/.test(state);
  return { traceparent: parent, ...(isGood ? { tracestate: state } : {}) };
}

/**
 * The span of a turn. Its ids and those of the spans below follow from the turn's id, so that a request can carry the id
 * of a span that has not begun, and a turn that is taken up again has the same.
 */
export interface TurnSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** The client's span; absent where the client sent no trace. */
  readonly parentId?: string;
  /** Whether the client, or else we, want this trace kept. */
  readonly sampled: boolean;
  readonly tracestate?: string;
}

/** The span of this turn, in the client's trace where there is one. */
export function turnSpan(turn: string, client: TraceContext | undefined): TurnSpan {
  const spanId = hex(`turn ${turn}`, 16);
  if (client === undefined) return { traceId: hex(`trace ${turn}`, 32), spanId, sampled: true };
  const [, traceId = '', parentId = '', flags = ''] = client.traceparent.split('-');
  const { tracestate } = client;
  return {
    traceId,
    spanId,
    parentId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** The id of the span of a round (from 1 on) or of a call (from 0 on) of the turn. */
export function spanIdOf(turn: TurnSpan, what: 'round' | 'call', number: number): string {
  return hex(`${what} ${number} ${turn.traceId} ${turn.spanId}`, 16);
}

/** What a request carries that belongs to this round or call. */
export function contextOf(turn: TurnSpan, what: 'round' | 'call', number: number): TraceContext {
  const { traceId, sampled, tracestate } = turn;
  return {
    traceparent: `00-${traceId}-${spanIdOf(turn, what, number)}-${sampled ? '01' : '00'}`,
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

function hex(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
