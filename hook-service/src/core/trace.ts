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
