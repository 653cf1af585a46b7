import { createHmac } from 'node:crypto';
import type { DialectName } from './dialect';
import type { HookRequest } from './hooks';
import type { JsonObject } from './json';
import type { Place } from './memory';

/** By which a request is known as a repetition of another one; the door carries it to the end of the turn. */
export interface RepeatMark {
  /** Digest of the conversation and of what is asked for. */
  readonly state: string;
  /** When the request came, in milliseconds since 1970. */
  readonly at: number;
  /** True where the client itself says that it repeats. */
  readonly isMarked: boolean;
  /** True where the client counts this as another try: somebody may have worked on it before. */
  readonly isRetry?: true;
}

/**
 * What a repetition may have otherwise than the first request. Claude Code repeats a stream that was silent for 300 s
 * as a whole response, with other bounds for its length, and writes a checksum of each request into its system prompt.
 */
const varying = new Set([
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'thinking',
  'system',
  'instructions',
  'systemInstruction',
  'system_instruction',
]);

/** Sent by clients that count their tries (SDKs made by Stainless); 0 is the first one. */
const retryCountHeader = 'x-stainless-retry-count';
/** Names one request: with equal ones, requests are the same; with different ones they are not. */
const idempotencyHeader = 'idempotency-key';
/**
 * Headers that say for whom, or in which conversation, a request is made: many people may share one key. Those for MCP
 * servers are among them, since they hold credentials of one person.
 */
const sayingWho =
  /^x-(?:mcp|openwebui)-|(?:^|[-_])(?:user|customer|tenant|session|conversation|chat|thread)(?:[-_]id)?$/;

/**
 * Reads what makes the request known again. The digest is made with the secret that all replicas share, since
 * credentials go into it. `now` in milliseconds since 1970.
 */
export function repeatMark(
  dialect: DialectName,
  request: Pick<HookRequest, 'path' | 'headers' | 'caller' | 'body'>,
  place: Place,
  secret: string,
  now: number,
): RepeatMark {
  const { headers, caller, body, path } = request;
  const key = headers[idempotencyHeader];
  const isRetry = Number(headers[retryCountHeader] ?? 0) > 0;
  const asked = Object.fromEntries(Object.entries(body).filter(([name]) => !varying.has(name)));
  const parts = [
    dialect,
    // Gemini's model stands in the path, and so does whether the answer is a stream.
    path.split('?', 1)[0]?.replace(/:(stream)?generateContent$/i, '') ?? '',
    caller.endUser ?? '',
    key ?? '',
    Object.entries(headers)
      .filter(([name]) => sayingWho.test(name))
      .sort(([left], [right]) => (left < right ? -1 : 1)),
    place.chain,
    withoutSystem(asked),
  ];
  return {
    state: createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex').slice(0, 40),
    at: now,
    isMarked: key !== undefined || isRetry,
    ...(isRetry ? { isRetry } : {}),
  };
}

/** System prompts vary from try to try, also where they stand among the messages. */
function withoutSystem(body: JsonObject): JsonObject {
  const { messages } = body;
  if (!Array.isArray(messages)) return body;
  const isSystem = (message: unknown): boolean =>
    typeof message === 'object' && message !== null && (message as { role?: unknown }).role === 'system';
  return { ...body, messages: messages.filter((message) => !isSystem(message)) };
}
