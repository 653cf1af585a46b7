import { parseArguments } from '../core/arguments';
import type { Outcome } from '../core/dialect';
import { asText, isJsonObject, type Json, type JsonObject } from '../core/json';

/** Fields that exist in responses only; a provider refuses or ignores them in a request. */
const responseOnly = new Set(['annotations', 'function_call', 'audio']);

/**
 * The assistant's message as it goes upstream again: what the model wrote, thinking blocks and provider fields
 * included, without fields that are null or exist in responses only.
 */
export function chatMessage(received: JsonObject): JsonObject {
  const kept = Object.entries(withoutEmptyFields(received)).filter(
    ([name, value]) => value !== null && value !== undefined && !responseOnly.has(name),
  );
  // `content` may be null beside calls, and providers want the field to be there.
  return { role: 'assistant', content: null, ...Object.fromEntries(kept) };
}

/** Newer LiteLLM adds `provider_specific_fields` that hold nothing but nulls: no provider wrote them. */
function withoutEmptyFields(received: JsonObject): JsonObject {
  const fields = received['provider_specific_fields'];
  const empty = isJsonObject(fields) && Object.values(fields).every((value) => value === null);
  return empty ? { ...received, provider_specific_fields: null } : received;
}

/**
 * `tool_calls` with an id for each call and no id twice: a missing or repeated one is made up from the turn and
 * the round, so that it is the same when the same response is read again. Nothing else is touched.
 */
export function uniqueCalls(calls: Json | undefined, turn: string, roundNumber: number): JsonObject {
  if (!Array.isArray(calls) || calls.length === 0) return {};
  const used = new Set<string>();
  return {
    tool_calls: calls.filter(isJsonObject).map((call, position) => {
      const id = uniqueId(call['id'], used, turn, roundNumber, position);
      return id === call['id'] ? call : { ...call, id };
    }),
  };
}

/**
 * The same message, with `{}` where the arguments of a call that was answered here are no JSON object. LiteLLM
 * parses them for most providers and refuses the whole request over one that breaks off; the result says what was wrong.
 */
export function readableCalls(message: JsonObject, outcomes: readonly Outcome[]): JsonObject {
  const broken = new Set(
    outcomes
      .filter(({ call }) => call.arguments.trim() === '' || !parseArguments(call.arguments).ok)
      .map(({ call }) => call.id),
  );
  const calls = message['tool_calls'];
  if (broken.size === 0 || !Array.isArray(calls)) return message;
  return {
    ...message,
    tool_calls: calls.map((call) =>
      isJsonObject(call) && isJsonObject(call['function']) && broken.has(asText(call['id']))
        ? { ...call, function: { ...call['function'], arguments: '{}' } }
        : call,
    ),
  };
}

/** The id to use for a call; remembers it in `used`. */
export function uniqueId(
  id: Json | undefined,
  used: Set<string>,
  turn: string,
  roundNumber: number,
  position: number,
): string {
  const good = typeof id === 'string' && id !== '' && !used.has(id);
  const chosen = good ? id : `call_${turn.slice(0, 8)}_${roundNumber}_${position}`;
  used.add(chosen);
  return chosen;
}
