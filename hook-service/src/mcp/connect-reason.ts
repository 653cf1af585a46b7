import {
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  UnsupportedProtocolVersionError,
} from '@modelcontextprotocol/client';
import type { RemoteServer, ServerConfig, StdioServer } from '../core/servers';
import { shownAddress } from '../core/shown-address';
import { cleanText } from './clean-text';
import { ConnectFailure } from './connection';
import { codeOf, createHttpClient, ExchangeFailure, mediaType, readText } from '../wire/http-client';

import { TokenFailure } from './token-source';

/** Why a server could not be connected, for a person, and whether only a person can change that. */
export interface ConnectReason {
  readonly text: string;
  /** Trying again soon is of no use: wrong path, wrong transport, refused credentials, not MCP. */
  readonly lasting: boolean;
  /** Both sides understand each other, and have no revision of the protocol in common. */
  readonly incompatible?: boolean;
}

/** Puts a failed handshake into words. Asks a remote server once more where that tells a wrong transport from a wrong path. */
export async function explainConnectFailure(
  server: ServerConfig,
  error: unknown,
  timeoutMs: number,
): Promise<ConnectReason> {
  const failure = error instanceof ConnectFailure ? error : new ConnectFailure(error, undefined, false);
  const cause = rootCause(failure.cause);
  const versions = versionProblem(failure.cause);
  if (versions !== undefined) {
    const who = server.transport === 'stdio' ? server.command : addressOf(server);
    return { text: `${who} ${versions}`, lasting: true, incompatible: true };
  }
  if (server.transport === 'stdio') return explainStdio(server, failure, timeoutMs);
  const at = addressOf(server);
  if (cause instanceof TokenFailure) {
    return { text: `No access token for ${at}: ${cause.message}`, lasting: cause.lasting };
  }
  if (cause instanceof ExchangeFailure && !cause.sent)
    return { text: explainUnreached(cause.code, at), lasting: false };
  if (cause instanceof ExchangeFailure && cause.code.startsWith('HPE_')) {
    return {
      text: `Something answers at ${at}, but it does not speak HTTP: is the port right?`,
      lasting: true,
    };
  }
  if (cause instanceof ExchangeFailure && cause.code === 'foreign_endpoint') {
    return { text: `${at} names an address for messages at another host, which is refused`, lasting: true };
  }
  if (failure.timedOut || isTimeout(cause)) {
    const text = `The handshake with ${at} timed out after ${timeoutMs / 1_000} s: the server accepts connections but does not answer`;
    return { text, lasting: false };
  }
  if (cause instanceof SdkHttpError) return explainStatus(server, cause.status, at);
  if (cause instanceof ProtocolError) {
    return { text: `${at} refused the handshake: ${cleanText(cause.message)}`, lasting: true };
  }
  if (cause instanceof SdkError && cause.code === SdkErrorCode.ClientHttpUnexpectedContent)
    return explainContent(server, at);
  if (cause instanceof SyntaxError)
    return { text: `${at} answers with broken JSON: it is not an MCP server`, lasting: true };
  if (cause instanceof ExchangeFailure)
    return { text: `${at} closed the connection during the handshake`, lasting: false };
  return { text: `The handshake with ${at} failed: ${cleanText(messageOf(cause))}`, lasting: true };
}

function explainStdio(server: StdioServer, failure: ConnectFailure, timeoutMs: number): ConnectReason {
  const code = codeOf(failure.cause);
  if (code === 'ENOENT') {
    const text = `Command not found: ${server.command} (or its working directory does not exist)`;
    return { text, lasting: true };
  }
  if (code === 'EACCES')
    return { text: `The command ${server.command} may not be executed (EACCES)`, lasting: true };
  if (failure.timedOut || isTimeout(failure.cause)) {
    const text = `The handshake timed out after ${timeoutMs / 1_000} s: ${server.command} runs but does not answer as an MCP server`;
    return { text, lasting: false };
  }
  if (failure.ended !== undefined) {
    return {
      text: `The process of ${server.command} ${failure.ended.replace(/^the process /, '')} before it answered`,
      lasting: false,
    };
  }
  return {
    text: `The handshake with ${server.command} failed: ${cleanText(messageOf(failure.cause))}`,
    lasting: false,
  };
}

function explainUnreached(code: string, at: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Connection refused at ${at}: the server is not running, or the port is wrong`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name of ${at} is not known: is it spelled right, and on the same network?`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `${at} cannot be reached from here (${code})`;
    default:
      return /CERT|SIGNED|ERR_TLS|EPROTO/.test(code)
        ? `No secure connection to ${at} (${code}): is its certificate valid, and https right?`
        : `No connection to ${at} (${code})`;
  }
}

async function explainStatus(server: RemoteServer, status: number, at: string): Promise<ConnectReason> {
  if (status === 401 || status === 403) {
    return { text: `${at} refused our credentials (HTTP ${status})`, lasting: true };
  }
  if (status >= 500 || status === 429)
    return { text: `${at} answers HTTP ${status}: it is up but not ready`, lasting: false };
  if (status >= 300 && status < 400) {
    return {
      text: `${at} redirects elsewhere (HTTP ${status}), which is not followed: enter the final address`,
      lasting: true,
    };
  }
  if (await speaksOther(server)) return { text: wrongTransport(server, at), lasting: true };
  if (status === 404) return { text: `Wrong path: ${at} answers 404 (not found)`, lasting: true };
  return {
    text: `${at} is not an MCP endpoint for transport ${server.transport}: it answers HTTP ${status}`,
    lasting: true,
  };
}

async function explainContent(server: RemoteServer, at: string): Promise<ConnectReason> {
  if (await speaksOther(server)) return { text: wrongTransport(server, at), lasting: true };
  return { text: `${at} answers, but not as an MCP server: is the path right?`, lasting: true };
}

function wrongTransport(server: RemoteServer, at: string): string {
  const other = server.transport === 'sse' ? 'http (streamable HTTP)' : 'sse';
  return `Wrong transport: ${at} is configured as ${server.transport} but speaks ${other}`;
}

/** Whether the address speaks the other one of the two HTTP transports. Creates no session there. */
async function speaksOther(server: RemoteServer): Promise<boolean> {
  const url = new URL(server.url);
  const http = createHttpClient(url, { maxSockets: 1 });
  const timer = setTimeout(() => http.close(), 2_000);
  try {
    if (server.transport === 'http') {
      const { answer } = http.open({
        method: 'GET',
        url,
        headers: { ...server.headers, accept: 'text/event-stream' },
      });
      const head = await answer;
      return head.statusCode === 200 && mediaType(head) === 'text/event-stream';
    }
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const headers = {
      ...server.headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const head = await http.open({ method: 'POST', url, headers, body }).answer;
    return (await readText(head, 65_536)).includes('"jsonrpc"');
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    http.close();
  }
}

/** Without what may be a secret in it. Readiness and `/v1/tools` show it. */
const addressOf = (server: RemoteServer): string => shownAddress(server.url);

/** The SDK wraps what a transport threw, once or twice. */
function rootCause(error: unknown): unknown {
  let cause = error;
  for (let depth = 0; depth < 4; depth += 1) {
    if (!(cause instanceof SdkError) || cause instanceof SdkHttpError) return cause;
    const inner: unknown = cause.cause;
    if (inner === undefined) return cause;
    cause = inner;
  }
  return cause;
}

/** What is wrong with the server's revisions of the protocol; undefined where the failure is another one. */
function versionProblem(error: unknown): string | undefined {
  for (let cause = error, depth = 0; depth < 5 && cause !== undefined; depth += 1) {
    if (cause instanceof UnsupportedProtocolVersionError) {
      const named = cause.supported.map((each) => cleanText(String(each), 20)).join(', ');
      return `speaks only MCP ${named === '' ? 'versions that it does not name' : named}, which Toolturn does not`;
    }
    const unknown = /protocol version is not supported: (.*)$/.exec(messageOf(cause));
    if (unknown !== null) return `speaks MCP ${cleanText(unknown[1] ?? '', 20)}, which Toolturn does not`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return undefined;
}

/** A process answered, and knows no `initialize`, or no version of it: it may be one of 2026-07-28 alone. */
export function refusesInitialize(error: unknown): boolean {
  const cause = error instanceof ConnectFailure ? error.cause : error;
  if (versionProblem(cause) !== undefined) return true;
  const answer = rootCause(cause);
  return answer instanceof ProtocolError && [-32601, -32602, -32600].includes(answer.code);
}

function isTimeout(error: unknown): boolean {
  return error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
