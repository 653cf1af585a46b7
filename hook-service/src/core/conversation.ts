import { createHash } from 'node:crypto';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { Scope } from './ports';

/** Headers in which clients name a conversation: Open WebUI, Codex CLI, LiteLLM, and what others are set up to send. */
export const idHeaders = [
  'x-openwebui-chat-id',
  'conversation_id',
  'session_id',
  'x-conversation-id',
  'x-litellm-session-id',
  'x-session-id',
];

/** A longer one is no id. */
const maxIdLength = 512;

/**
 * The client's own id of the conversation that a request belongs to; undefined where it names none. By header, or in the
 * body: `conversation` and `prompt_cache_key` (Responses API), `metadata` (Claude Code writes its session into
 * `user_id`), `litellm_session_id`.
 */
export function conversationId(
  headers: Readonly<Record<string, string>>,
  body: JsonObject,
): string | undefined {
  const metadata = isJsonObject(body['metadata']) ? body['metadata'] : {};
  const conversation = body['conversation'];
  return [
    ...idHeaders.map((name) => headers[name]),
    isJsonObject(conversation) ? conversation['id'] : conversation,
    metadata['chat_id'],
    metadata['conversation_id'],
    metadata['session_id'],
    sessionIn(metadata['user_id']),
    body['litellm_session_id'],
    body['prompt_cache_key'],
  ].find(isId);
}

/** What a conversation is called in metrics: a digest, since ids are the client's and may say anything. */
export function conversationName(scope: Scope, id: string): string {
  const digest = createHash('sha256').update(scope).update('\0').update(id).digest('hex');
  return `c-${digest.slice(0, 24)}`;
}

/** What the conversation of a client that names none is called: by the turn that it begins with. */
export function conversationOfTurn(turn: string): string {
  return `c-${turn.slice(0, 24)}`;
}

/** Claude Code: `user_<hash>_account_<uuid>_session_<uuid>`, in newer versions an object as JSON with `session_id`. */
function sessionIn(userId: Json | undefined): string | undefined {
  if (typeof userId !== 'string') return undefined;
  return /_session_([0-9a-f-]{8,64})$/i.exec(userId)?.[1] ?? /"session_id":"([^"]{1,128})"/.exec(userId)?.[1];
}

function isId(value: Json | undefined): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxIdLength;
}
