import type { Outcome, Round, ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';

const messagesOf = (body: JsonObject): readonly Json[] =>
  Array.isArray(body['messages']) ? body['messages'] : [];

function callsIn(message: Json): readonly JsonObject[] {
  const calls = isJsonObject(message) && message['role'] === 'assistant' ? message['tool_calls'] : undefined;
  return Array.isArray(calls) ? calls.filter(isJsonObject) : [];
}

function keyOf(call: JsonObject): string {
  const inner = isJsonObject(call['function'])
    ? call['function']
    : isJsonObject(call['custom'])
      ? call['custom']
      : {};
  return JSON.stringify(['chat', call['id'], inner['name']]);
}

/** The key under which the hidden part of a turn is kept when `call` is handed back. */
export function handBackKey(call: ToolCall): string {
  return JSON.stringify(['chat', call.id, call.name]);
}

/** The keys that the calls in this request's history could have been handed back under. */
export function handBackKeys(body: JsonObject): readonly string[] {
  return messagesOf(body).flatMap((message) => callsIn(message).map(keyOf));
}

/**
 * What the client will not send back: the hidden rounds of this turn, the full assistant message of the last
 * one, and the results of our calls in it.
 */
export function hiddenTurn(
  startBody: JsonObject,
  lastBody: JsonObject,
  round: Round,
  outcomes: readonly Outcome[],
): JsonObject {
  return {
    before: messagesOf(lastBody).slice(messagesOf(startBody).length),
    assistant: round.message,
    results: outcomes.map((outcome) => ({
      role: 'tool',
      tool_call_id: outcome.call.id,
      content: outcome.text,
    })),
  };
}

/**
 * Puts hidden parts back: the client's shortened assistant message becomes the full one again, with the hidden
 * rounds before it and one result for each call behind it, in the order of the calls.
 */
export function restoreHidden(body: JsonObject, recall: ReadonlyMap<string, JsonObject>): JsonObject {
  if (recall.size === 0) return body;
  const restored: Json[] = [];
  const messages = messagesOf(body);
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as Json;
    const kept = callsIn(message)
      .map((call) => recall.get(keyOf(call)))
      .find((found) => found !== undefined);
    if (kept === undefined || !isJsonObject(kept['assistant'])) {
      restored.push(message);
      continue;
    }
    const answers: Json[] = [];
    while (isToolMessage(messages[i + 1])) answers.push(messages[++i] as Json);
    const before = Array.isArray(kept['before']) ? kept['before'] : [];
    restored.push(...before, kept['assistant'], ...inCallOrder(kept['assistant'], kept['results'], answers));
  }
  return { ...body, messages: restored };
}

function isToolMessage(message: Json | undefined): message is JsonObject {
  return isJsonObject(message) && message['role'] === 'tool';
}

function inCallOrder(assistant: JsonObject, ours: Json | undefined, theirs: readonly Json[]): Json[] {
  const order = callsIn(assistant).map((call) => call['id']);
  const position = (message: Json): number => {
    const at = isJsonObject(message) ? order.indexOf(message['tool_call_id']) : -1;
    return at === -1 ? order.length : at;
  };
  return [...(Array.isArray(ours) ? ours : []), ...theirs].sort((a, b) => position(a) - position(b));
}
