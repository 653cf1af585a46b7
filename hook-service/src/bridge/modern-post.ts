import type { IncomingMessage, ServerResponse } from 'node:http';
import { asText } from '../core/json';
import { EventChannel, EventMemory } from './event-channel';
import { Exchange, sendJson } from './exchange';
import { reasonOf } from './own-child';
import {
  errorAnswer,
  isAnswer,
  isRequest,
  metaOf,
  rpcCode,
  type Message,
  type RpcAnswer,
  type RpcRequest,
} from './rpc';
import type { Stateless } from './stateless';

const versionKey = 'io.modelcontextprotocol/protocolVersion';
/** Which parameter the header `Mcp-Name` repeats. */
const nameSource: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** True for a message that carries its own protocol version, as all do since 2026-07-28. */
export function isModern(message: Message): boolean {
  return typeof metaOf(message)?.[versionKey] === 'string';
}

/** Answers one message of 2026-07-28. */
export async function postModern(
  stateless: Stateless,
  request: IncomingMessage,
  response: ServerResponse,
  message: Message,
  acceptsEvents: boolean,
): Promise<void> {
  const id = 'id' in message ? message.id : null;
  const mismatch = isRequest(message) ? headerMismatch(request, message) : undefined;
  if (mismatch !== undefined) {
    sendJson(response, 400, errorAnswer(id, rpcCode.headerMismatch, mismatch));
    return;
  }
  try {
    if (!(await stateless.isSpoken())) {
      // What a server of an older revision says: clients then begin with initialize.
      const text = 'Bad Request: this server needs a session: begin with initialize';
      sendJson(response, 400, errorAnswer(id, rpcCode.server, text));
      return;
    }
  } catch (error) {
    sendJson(response, 503, errorAnswer(id, rpcCode.server, reasonOf(error)));
    return;
  }
  if (!isRequest(message)) {
    // A request is cancelled by closing its connection, and there is nothing else that a client tells.
    response.writeHead(202).end();
    return;
  }
  // The answer of the server may take its time, and its client may have gone meanwhile.
  if (response.destroyed) return;
  const link = stateless.open({
    onMessage: (each) => (isAnswer(each) ? exchange.answer(each) : exchange.push(each)),
    onFailed: (failed, reason) => exchange.fail(failed, reason),
  });
  const exchange = new Exchange(response, {
    requests: [message],
    batch: false,
    acceptsEvents,
    channel: new EventChannel(0, new EventMemory()),
    headers: () => ({}),
    primes: () => false,
    statusOf,
    onDone: () => void link.close(),
    onGone: () => void link.close(),
  });
  link.send(message);
}

/** The headers repeat what the body says, so that gateways need not read it. Where the two differ, one of them lies. */
function headerMismatch({ headers }: IncomingMessage, message: RpcRequest): string | undefined {
  const said = firstOf(headers['mcp-protocol-version']);
  const version = metaOf(message)?.[versionKey];
  if (said !== version) return `MCP-Protocol-Version is ${shown(said)}, but the body says ${asText(version)}`;
  const method = firstOf(headers['mcp-method']);
  if (method !== message.method) return `Mcp-Method is ${shown(method)}, but the body says ${message.method}`;
  const source = nameSource[message.method];
  const name = source === undefined ? undefined : message.params?.[source];
  if (typeof name !== 'string') return undefined;
  const given = decoded(firstOf(headers['mcp-name']));
  return given === name ? undefined : `Mcp-Name is ${shown(given)}, but the body names another`;
}

/** LiteLLM 1.77.3 sends a header twice, which Node joins with a comma. */
export function firstOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  return text?.split(',', 1)[0]?.trim();
}

function decoded(value: string | undefined): string | undefined {
  const match = /^=\?base64\?(.*)\?=$/.exec(value ?? '');
  return match?.[1] === undefined ? value : Buffer.from(match[1], 'base64').toString('utf8');
}

function shown(value: string | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value.slice(0, 100));
}

/** The revision gives some errors a status of their own. */
function statusOf(answer: RpcAnswer): number {
  switch (answer.error?.code) {
    case rpcCode.methodNotFound:
      return 404;
    case rpcCode.headerMismatch:
    case -32_021:
    case -32_022:
      return 400;
    default:
      return 200;
  }
}
