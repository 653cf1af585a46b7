import { isInputRequiredResult } from '@modelcontextprotocol/client';
import { isJsonObject } from '../core/json';
import type { HostTool, ToolCallRequest, ToolResult } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { classifyCallError, failedCall, type CallFailure } from './call-failure';
import { readCallResult } from './content';
import type { Connection } from './connection';
import { markErrors } from './error-text';
import { identityHeader } from './identity-token';
import { anyResult } from './lenient-schema';
import { progressOptions } from './progress';
import type { ServerSession } from './server-session';

/**
 * Runs one call on a server's session. It is tried once more where the server certainly did not run it (a restarted
 * server, a refused connection), or where the tool says that running it again does no harm. Never rejects.
 */
export async function runCall(
  session: ServerSession,
  tool: HostTool,
  request: ToolCallRequest,
  reconnectWaitMs: number,
): Promise<ToolResult> {
  const ownMs = tool.settings?.timeoutMs ?? session.server.timeoutMs;
  const timeoutMs = Math.max(1, Math.min(request.timeoutMs, ownMs));
  const deadline = Date.now() + timeoutMs;
  let retries = { notRun: 1, harmless: isHarmless(tool) ? 1 : 0 };

  for (;;) {
    if (request.signal.aborted) return failedCall(tool.tool, 'cancelled', 'was cancelled.');
    const connection = await session.acquire(
      Math.min(deadline, Date.now() + reconnectWaitMs),
      request.signal,
    );
    if (connection === undefined) return withoutSession(tool, request.signal);
    const outcome = await attempt(session, connection, request, deadline - Date.now(), timeoutMs);
    if ('content' in outcome) return outcome;
    if (outcome.sessionLost) session.lost(connection, 'it no longer knows our session', !outcome.mayHaveRun);
    if (!outcome.mayHaveRun && outcome.sessionLost && retries.notRun > 0) {
      retries = { ...retries, notRun: retries.notRun - 1 };
    } else if (outcome.transient && retries.harmless > 0) {
      retries = { ...retries, harmless: retries.harmless - 1 };
    } else {
      return failedCall(tool.tool, outcome.kind, outcome.text);
    }
  }
}

async function attempt(
  session: ServerSession,
  connection: Connection,
  request: ToolCallRequest,
  leftMs: number,
  timeoutMs: number,
): Promise<ToolResult | CallFailure> {
  try {
    const result = await session.use(connection, () =>
      connection.client.request(
        { method: 'tools/call', params: { name: request.tool, arguments: request.arguments } },
        anyResult,
        {
          timeout: Math.max(1, leftMs),
          signal: request.signal,
          allowInputRequired: true,
          ...progressOptions(request),
          ...identityOf(session.server, request),
        },
      ),
    );
    if (isInputRequiredResult(result)) {
      const text =
        'asks for input from a person during the call, which is not possible here. It was not finished.';
      return failedCall(request.tool, 'tool_error', text);
    }
    const read = markErrors(readCallResult(result), session.server.settings?.errorText);
    return request.wantsWhole === true && isJsonObject(result) ? { ...read, whole: result } : read;
  } catch (error) {
    return classifyCallError(error, { signal: request.signal, hasSession: connection.hasSession, timeoutMs });
  }
}

/** For a server that is told so: for whom this one call is made. */
function identityOf({ settings }: ServerConfig, { onBehalfOf }: ToolCallRequest) {
  const identity = settings?.identity;
  return identity === undefined ? {} : { headers: identityHeader(identity, onBehalfOf) };
}

function withoutSession(tool: HostTool, signal: AbortSignal): ToolResult {
  if (signal.aborted) return failedCall(tool.tool, 'cancelled', 'was cancelled.');
  return failedCall(
    tool.tool,
    'transport',
    'is not available now: its server cannot be reached. The call was not run.',
  );
}

/** The server's own hint. It is not trusted to permit anything; here it can only cause a second, equal call. */
function isHarmless(tool: HostTool): boolean {
  return tool.annotations?.['readOnlyHint'] === true || tool.annotations?.['idempotentHint'] === true;
}
