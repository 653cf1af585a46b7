import { SdkErrorCode, SdkHttpError, type JSONRPCMessage } from '@modelcontextprotocol/client';
import type { IncomingMessage } from 'node:http';
import { readText } from '../wire/http-client';

/** How much of an error page is kept: enough for a JSON-RPC error, not a whole login page. */
const errorBodyLimit = 65_536;

/**
 * The JSON-RPC messages of one JSON text. Only the frame is checked: the SDK's protocol layer validates every
 * message again, and a second pass with its schemas would double that cost.
 */
export function parseMessages(text: string): JSONRPCMessage[] {
  const parsed: unknown = JSON.parse(text);
  const messages = Array.isArray(parsed) ? parsed : [parsed];
  return messages.filter(isMessage);
}

function isMessage(value: unknown): value is JSONRPCMessage {
  return typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0';
}

/** The id, where the message is a request. */
export function requestId(message: JSONRPCMessage): string | number | undefined {
  return 'method' in message && 'id' in message ? message.id : undefined;
}

/** True when the message is the answer to the request with this id. */
export function answers(message: JSONRPCMessage, id: string | number): boolean {
  return !('method' in message) && 'id' in message && message.id === id;
}

/** The SDK's own error for a bad HTTP status: its version negotiation reads status and body. */
export async function statusError(answer: IncomingMessage): Promise<SdkHttpError> {
  const status = answer.statusCode ?? 0;
  const text = await readText(answer, errorBodyLimit).catch(() => '');
  return new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, `HTTP ${status}`, {
    status,
    statusText: answer.statusMessage ?? '',
    text,
  });
}
