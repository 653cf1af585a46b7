import type { CallEnd, CallFacts, Observation, Observer, TurnFacts } from '../core/observer';
import { spanIdOf, type TurnSpan } from '../core/trace';

/** A span that is over, without what is the same for all. Times in milliseconds since 1970. */
export interface FinishedSpan {
  readonly name: string;
  /** `server`: it answers a request; `client`: it makes one. */
  readonly kind: 'server' | 'client';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly tracestate?: string;
  readonly from: number;
  readonly to: number;
  /** A kind of error; absent: all went well. */
  readonly error?: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Rounds that have begun and not ended are remembered for so many turns at most. */
const mostTurns = 10_000;

/**
 * Makes spans of what it is told: turn, rounds, calls. Names and attributes are those of OpenTelemetry's conventions for
 * GenAI and MCP. Arguments and results are in them only with `content`.
 */
export function spanMaker(give: (span: FinishedSpan) => void, { content }: { content: boolean }): Observer {
  const open = new Map<string, { readonly round: number; readonly at: number }>();
  return {
    observe(observation) {
      const { of } = observation;
      const { span, turn } = of;
      if (turn === undefined || span?.sampled !== true) return;
      if (observation.type === 'round_started' && open.size < mostTurns) open.set(turn, observation);
      if (observation.type === 'round_finished') open.delete(turn);
      if (observation.type === 'turn_finished') {
        const unfinished = open.get(turn);
        open.delete(turn);
        if (unfinished !== undefined) give(failedRound(of, span, unfinished, observation.at));
      }
      const made = spanOf(observation, span, content);
      if (made !== undefined) give(made);
    },
  };
}

function spanOf(observation: Observation, span: TurnSpan, content: boolean): FinishedSpan | undefined {
  const { of, at } = observation;
  switch (observation.type) {
    case 'turn_finished': {
      const { end, milliseconds, rounds, calls, handedBack } = observation;
      const failed = end === 'error' || end === 'gone';
      return {
        ...inTrace(span, span.spanId, span.parentId),
        name: 'invoke_agent toolturn',
        kind: 'server',
        from: at - milliseconds,
        to: at,
        ...(failed ? { error: end } : {}),
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.agent.name': 'toolturn',
          'gen_ai.request.model': of.model,
          ...(of.conversation === undefined ? {} : { 'gen_ai.conversation.id': of.conversation }),
          'toolturn.turn': of.turn ?? '',
          'toolturn.dialect': of.dialect,
          'toolturn.stream': of.stream,
          'toolturn.end': end,
          'toolturn.rounds': rounds,
          'toolturn.calls': calls,
          'toolturn.handed_back': handedBack,
          ...(of.callId === undefined ? {} : { 'toolturn.litellm_call_id': of.callId }),
          ...(of.keyAlias === undefined ? {} : { 'toolturn.key': of.keyAlias }),
        },
      };
    }
    case 'round_finished': {
      const { round, milliseconds, ours, theirs, tokens } = observation;
      const read = roundSpan(of, span, round, at - milliseconds, at);
      return {
        ...read,
        attributes: {
          ...read.attributes,
          'toolturn.calls': ours,
          'toolturn.handed_back': theirs,
          ...(tokens === undefined
            ? {}
            : {
                'gen_ai.usage.input_tokens': tokens.input,
                'gen_ai.usage.output_tokens': tokens.output,
                'gen_ai.usage.cache_read.input_tokens': tokens.cached,
              }),
        },
      };
    }
    case 'call_finished':
      return callSpan(observation.call, observation.end, span, at, content);
    default:
      return undefined;
  }
}

/** The model did not come to the end of it. */
function failedRound(
  of: TurnFacts,
  span: TurnSpan,
  { round, at }: { readonly round: number; readonly at: number },
  to: number,
): FinishedSpan {
  return { ...roundSpan(of, span, round, at, to), error: 'error' };
}

function roundSpan(of: TurnFacts, span: TurnSpan, round: number, from: number, to: number): FinishedSpan {
  return {
    ...inTrace(span, spanIdOf(span, 'round', round), span.spanId),
    name: `chat ${of.model}`,
    kind: 'client',
    from,
    to,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': of.model,
      'toolturn.turn': of.turn ?? '',
      'toolturn.round': round,
    },
  };
}

function callSpan(call: CallFacts, end: CallEnd, span: TurnSpan, at: number, content: boolean): FinishedSpan {
  const { number, round, id, name, server, tool } = call;
  return {
    ...inTrace(span, spanIdOf(span, 'call', number), spanIdOf(span, 'round', round)),
    name: `tools/call ${tool ?? name}`,
    kind: 'client',
    from: at - end.milliseconds,
    to: at,
    ...(end.failure === undefined ? {} : { error: end.failure }),
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool ?? name,
      'gen_ai.tool.call.id': id,
      'mcp.method.name': 'tools/call',
      'toolturn.round': round,
      'toolturn.waited_ms': end.waitedMs,
      'toolturn.cached': end.cached,
      'toolturn.replayed': end.replayed,
      'toolturn.bytes_in': end.bytesIn,
      'toolturn.bytes_out': end.bytesOut,
      ...(server === undefined ? {} : { 'toolturn.server': server }),
      ...(content
        ? { 'gen_ai.tool.call.arguments': call.arguments, 'gen_ai.tool.call.result': end.text }
        : {}),
    },
  };
}

function inTrace({ traceId, tracestate }: TurnSpan, spanId: string, parentId: string | undefined) {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentId }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}
