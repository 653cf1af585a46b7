import { isJsonObject, type JsonObject } from '../core/json';

/** JSON-RPC 2.0 as MCP uses it. The bridge understands the frame; what is in it passes as it is. */
export type Id = string | number;

export interface RpcRequest {
  readonly jsonrpc: '2.0';
  readonly id: Id;
  readonly method: string;
  readonly params?: JsonObject;
}

export interface RpcNotification {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: JsonObject;
}

export interface RpcAnswer {
  readonly jsonrpc: '2.0';
  readonly id: Id;
  readonly result?: JsonObject;
  readonly error?: RpcError;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export type Message = RpcRequest | RpcNotification | RpcAnswer;

/** The codes of JSON-RPC, and MCP's range for errors of servers. */
export const rpcCode = {
  parseError: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  internalError: -32_603,
  server: -32_000,
  /** 2026-07-28: a header says something else than the body. */
  headerMismatch: -32_020,
} as const;

/** A body that is no JSON-RPC: what is wrong, in words for whoever sent it. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Most messages in one batch. */
const batchLimit = 100;

/** Reads a body: one message, or a batch of them (2025-03-26 and older). Throws `BadMessage`. */
export function parseBody(text: string): { messages: Message[]; batch: boolean } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BadMessage(rpcCode.parseError, 'Parse error: the body is not valid JSON');
  }
  const batch = Array.isArray(parsed);
  const messages: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (messages.length === 0 || messages.length > batchLimit) {
    throw new BadMessage(rpcCode.invalidRequest, `A batch holds 1 to ${batchLimit} messages`);
  }
  if (!messages.every(isMessage)) {
    const text = 'Invalid request: not a JSON-RPC 2.0 message with "jsonrpc", and "method" or "id"';
    throw new BadMessage(rpcCode.invalidRequest, text);
  }
  return { messages, batch };
}

/** Checks the frame, and nothing of what is in it. */
export function isMessage(value: unknown): value is Message {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return false;
  const id = value['id'];
  const hasId = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id));
  if ('method' in value) {
    const params = value['params'];
    return (
      typeof value['method'] === 'string' &&
      (hasId || !('id' in value)) &&
      (params === undefined || isJsonObject(params))
    );
  }
  return hasId && ('result' in value || 'error' in value);
}

export function isRequest(message: Message): message is RpcRequest {
  return 'method' in message && 'id' in message;
}

export function isNotification(message: Message): message is RpcNotification {
  return 'method' in message && !('id' in message);
}

export function isAnswer(message: Message): message is RpcAnswer {
  return !('method' in message);
}

/** An answer that says what went wrong; `id` is null where no request could be read. */
export function errorAnswer(id: Id | null, code: number, message: string): JsonObject {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

/** `1` and `"1"` are different ids. */
export function idKey(id: Id): string {
  return typeof id === 'number' ? `n${id}` : `s${id}`;
}

/** `params._meta`, where there is one. */
export function metaOf(message: Message): JsonObject | undefined {
  const params = 'method' in message ? message.params : undefined;
  const meta = params?.['_meta'];
  return isJsonObject(meta) ? meta : undefined;
}

/** The request that a `notifications/cancelled` is about. */
export function cancelledId(message: Message): Id | undefined {
  if (!isNotification(message) || message.method !== 'notifications/cancelled') return undefined;
  const id = message.params?.['requestId'];
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}
