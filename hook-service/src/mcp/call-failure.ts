import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { failureTold } from '../core/failure-policy';
import type { FailureKind, ToolResult } from '../core/ports';
import { cleanText } from './clean-text';
import { ExchangeFailure } from '../wire/http-client';
import { TokenFailure } from './token-source';

/** Why a call has no result, and what may be done about it. */
export interface CallFailure {
  readonly kind: Extract<FailureKind, 'protocol_error' | 'timeout' | 'transport' | 'cancelled'>;
  /** False only where it is certain that the server did not run the call. */
  readonly mayHaveRun: boolean;
  /** The session is of no use any more: a new one has to be made before the next call. */
  readonly sessionLost: boolean;
  /** May be tried again where the tool says that this does no harm. */
  readonly transient: boolean;
  /** For the model, after the tool's name; no address, no stack, no secret. */
  readonly text: string;
}

const unreachable = failureTold('serverAway', {}, 'refused');
const broken = failureTold('callBroke');

/** Sorts out what `client.request` threw. `signal` is the caller's: the SDK reports an abort as a timeout. */
export function classifyCallError(
  error: unknown,
  context: { signal: AbortSignal; hasSession: boolean; timeoutMs: number },
): CallFailure {
  const failure = (fields: Partial<CallFailure> & { text: string }): CallFailure => ({
    kind: 'transport',
    mayHaveRun: true,
    sessionLost: false,
    transient: false,
    ...fields,
  });
  if (context.signal.aborted) return failure({ kind: 'cancelled', text: 'was cancelled.' });
  if (error instanceof TokenFailure) {
    return failure({ mayHaveRun: false, text: failureTold('noToken') });
  }
  if (error instanceof ProtocolError) {
    return failure({
      kind: 'protocol_error',
      text: `was refused by its server: ${cleanText(error.message)}`,
    });
  }
  if (error instanceof ExchangeFailure) {
    if (!error.sent) return failure({ mayHaveRun: false, sessionLost: true, text: unreachable });
    if (error.code === 'too_large') return failure({ text: 'gave a result that is too large to be read.' });
    return failure({ transient: true, text: broken });
  }
  if (error instanceof SdkHttpError) return failure(fromStatus(error, context.hasSession));
  if (error instanceof SdkError) {
    switch (error.code) {
      case SdkErrorCode.RequestTimeout: {
        const seconds = Math.round(context.timeoutMs / 100) / 10;
        return failure({
          kind: 'timeout',
          text: `gave no answer within ${seconds} s. It may still be running.`,
        });
      }
      case SdkErrorCode.NotConnected:
        return failure({ mayHaveRun: false, sessionLost: true, text: unreachable });
      case SdkErrorCode.ConnectionClosed:
        return failure({ sessionLost: true, transient: true, text: broken });
      case SdkErrorCode.InvalidResult:
      case SdkErrorCode.UnsupportedResultType:
        return failure({ kind: 'protocol_error', text: 'gave an answer that is not valid MCP.' });
      default:
        return failure({ text: 'gave an answer that is not valid MCP.' });
    }
  }
  return failure({ text: 'failed: its server gave no usable answer.' });
}

/** The result that the model and the metrics see. */
export function failedCall(tool: string, kind: FailureKind, text: string): ToolResult {
  return { failure: kind, content: [{ type: 'text', text: `The tool ${tool} ${text}` }] };
}

function fromStatus(error: SdkHttpError, hasSession: boolean): Partial<CallFailure> & { text: string } {
  const { status } = error;
  if (status === 404 || (status === 400 && hasSession && namesSession(error))) {
    return { mayHaveRun: false, sessionLost: true, text: unreachable };
  }
  if (status === 401 || status === 403) {
    return { mayHaveRun: false, text: 'is not available: its server refused our credentials.' };
  }
  if (status === 429)
    return { mayHaveRun: false, text: 'is not available: its server has too many requests.' };
  if (status < 500) return { mayHaveRun: false, text: `was refused by its server (HTTP ${status}).` };
  return {
    transient: true,
    text: `failed at its server (HTTP ${status}). It is not known whether the call ran.`,
  };
}

/** Many servers answer 400 where the specification asks for 404; a 400 about the request itself must not look alike. */
function namesSession(error: SdkHttpError): boolean {
  const body = error.data.text;
  return typeof body === 'string' && /session|not initiali[sz]ed/i.test(body);
}
