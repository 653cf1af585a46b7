import { isInputRequiredResult } from '@modelcontextprotocol/client';
import { failureTold } from '../core/failure-policy';
import { isJsonObject } from '../core/json';
import type { HostTool, ToolCallRequest, ToolResult } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { callDeadline } from './call-deadline';
import { classifyCallError, failedCall, type CallFailure } from './call-failure';
import { callParams } from './call-params';
import type { Ticket } from './circuit';
import { readCallResult } from './content';
import type { Connection } from './connection';
import { markErrors } from './error-text';
import type { Headers } from './http-headers';
import { identityHeader } from './identity-token';
import { anyResult } from './lenient-schema';
import { progressOptions } from './progress';
import type { ServerSession } from './server-session';

/** A server may put off its answer this often (2026-07-28, `requestState` without a question). */
const postponements = 10;

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
  const ticket = session.circuit.enter();
  if (ticket === undefined) {
    return failedCall(tool.tool, 'transport', failureTold('serverFails'));
  }
  try {
    return await tryCall(session, tool, request, reconnectWaitMs, ticket);
  } finally {
    ticket.leave();
  }
}

async function tryCall(
  session: ServerSession,
  tool: HostTool,
  request: ToolCallRequest,
  reconnectWaitMs: number,
  ticket: Ticket,
): Promise<ToolResult> {
  const ownMs = tool.settings?.timeoutMs ?? session.server.timeoutMs;
  const timeoutMs = Math.max(1, Math.min(request.timeoutMs, ownMs));
  const deadline = Date.now() + timeoutMs;
  const last = Date.now() + Math.max(timeoutMs, request.maxTimeoutMs ?? timeoutMs);
  let retries = { notRun: 1, harmless: isHarmless(tool) ? 1 : 0 };

  for (;;) {
    if (request.signal.aborted) return failedCall(tool.tool, 'cancelled', 'was cancelled.');
    const connection = await session.acquire(
      Math.min(deadline, Date.now() + reconnectWaitMs),
      request.signal,
    );
    if (connection === undefined) return withoutSession(tool, request.signal);
    const idleMs = Math.max(1, deadline - Date.now());
    const outcome = await attempt(session, connection, request, { idleMs, last, timeoutMs });
    if ('content' in outcome) {
      ticket.answered();
      session.served(connection);
      return outcome;
    }
    if (outcome.kind === 'protocol_error') ticket.answered();
    if (outcome.sessionLost) session.lost(connection, 'it no longer knows our session', !outcome.mayHaveRun);
    if (!outcome.mayHaveRun && outcome.sessionLost && retries.notRun > 0) {
      retries = { ...retries, notRun: retries.notRun - 1 };
    } else if (outcome.transient && retries.harmless > 0) {
      retries = { ...retries, harmless: retries.harmless - 1 };
    } else {
      if (outcome.kind === 'timeout' || outcome.kind === 'transport') ticket.failed();
      return failedCall(tool.tool, outcome.kind, outcome.text);
    }
  }
}

interface Deadlines {
  /** Longest silence. */
  readonly idleMs: number;
  /** When the call ends whatever it reports. */
  readonly last: number;
  /** What the model is told that the call was given. */
  readonly timeoutMs: number;
}

async function attempt(
  session: ServerSession,
  connection: Connection,
  request: ToolCallRequest,
  { idleMs, last, timeoutMs }: Deadlines,
): Promise<ToolResult | CallFailure> {
  const deadline = callDeadline(request.signal, last);
  const headers = {
    ...session.tools.headersFor(request.tool, request.arguments),
    ...identityOf(session.server, request),
  };
  const ask = (requestState?: string) =>
    connection.client.request(
      { method: 'tools/call', params: callParams(request, requestState) },
      anyResult,
      {
        timeout: idleMs,
        ...progressOptions(request),
        signal: deadline.signal,
        allowInputRequired: true,
        headers,
      },
    );
  try {
    return await session.use(connection, async () => {
      let result: unknown = await ask();
      for (let count = 0; isInputRequiredResult(result); count += 1) {
        const { inputRequests, requestState } = result;
        const asksSomebody = inputRequests !== undefined && Object.keys(inputRequests).length > 0;
        if (asksSomebody || requestState === undefined || count === postponements)
          return inputRequired(request);
        result = await ask(requestState);
      }
      const read = markErrors(readCallResult(result), session.server.settings?.errorText);
      return request.wantsWhole === true && isJsonObject(result) ? { ...read, whole: result } : read;
    });
  } catch (error) {
    const signal = request.signal;
    const waitedMs = deadline.passed ? Math.max(timeoutMs, request.maxTimeoutMs ?? 0) : timeoutMs;
    return classifyCallError(error, { signal, hasSession: connection.hasSession, timeoutMs: waitedMs });
  } finally {
    deadline.clear();
  }
}

/** For a server that is told so: for whom this one call is made. */
function identityOf({ settings }: ServerConfig, { onBehalfOf }: ToolCallRequest): Headers {
  const identity = settings?.identity;
  return identity === undefined ? {} : identityHeader(identity, onBehalfOf);
}

function inputRequired(request: ToolCallRequest): ToolResult {
  const text =
    'asks for input from a person during the call, which is not possible here. It was not finished.';
  return failedCall(request.tool, 'tool_error', text);
}

function withoutSession(tool: HostTool, signal: AbortSignal): ToolResult {
  if (signal.aborted) return failedCall(tool.tool, 'cancelled', 'was cancelled.');
  return failedCall(tool.tool, 'transport', failureTold('serverAway'));
}

/** The server's own hint. It is not trusted to permit anything; here it can only cause a second, equal call. */
function isHarmless(tool: HostTool): boolean {
  return tool.annotations?.['readOnlyHint'] === true || tool.annotations?.['idempotentHint'] === true;
}
