import { TRACEPARENT_META_KEY, TRACESTATE_META_KEY } from '@modelcontextprotocol/client';
import type { JsonObject } from '../core/json';
import type { ToolCallRequest } from '../core/ports';

/** The `params` of a `tools/call`. The trace goes into `_meta`, without a prefix as the specification has it. */
export function callParams(
  { tool, arguments: args, trace }: ToolCallRequest,
  requestState: string | undefined,
): { name: string; arguments: JsonObject; requestState?: string; _meta?: Record<string, unknown> } {
  return {
    name: tool,
    arguments: args,
    ...(requestState === undefined ? {} : { requestState }),
    ...(trace === undefined
      ? {}
      : {
          _meta: {
            [TRACEPARENT_META_KEY]: trace.traceparent,
            ...(trace.tracestate === undefined ? {} : { [TRACESTATE_META_KEY]: trace.tracestate }),
          },
        }),
  };
}
