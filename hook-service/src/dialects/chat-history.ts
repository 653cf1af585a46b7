import type { HiddenTurn, History, PastTurn } from '../core/dialect';
import { asText, isJsonObject, type Json, type JsonObject } from '../core/json';
import { readableCalls } from './chat-message';

const messagesOf = (body: JsonObject): readonly Json[] =>
  Array.isArray(body['messages']) ? body['messages'] : [];

const roleOf = (message: Json | undefined): Json | undefined =>
  isJsonObject(message) ? message['role'] : undefined;

function callsIn(message: Json): readonly JsonObject[] {
  const calls = roleOf(message) === 'assistant' && isJsonObject(message) ? message['tool_calls'] : undefined;
  return Array.isArray(calls) ? calls.filter(isJsonObject) : [];
}

function nameOf(call: JsonObject): string {
  const inner = isJsonObject(call['function'])
    ? call['function']
    : isJsonObject(call['custom'])
      ? call['custom']
      : {};
  return typeof inner['name'] === 'string' ? inner['name'] : '';
}

/** Visible text of a message: a string, or the text of its parts; what is no text counts by its kind. */
function textOf(message: Json): string {
  const content = isJsonObject(message) ? message['content'] : undefined;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) =>
      !isJsonObject(part)
        ? ''
        : typeof part['text'] === 'string'
          ? part['text']
          : `[${asText(part['type'])}]`,
    )
    .join('');
}

/** A run of assistant messages: where it stands in the list and where it ends (exclusive). */
interface Run {
  readonly from: number;
  readonly to: number;
}

function assistantRuns(messages: readonly Json[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < messages.length; i++) {
    if (roleOf(messages[i]) !== 'assistant') continue;
    const from = i;
    while (roleOf(messages[i + 1]) === 'assistant') i += 1;
    runs.push({ from, to: i + 1 });
  }
  return runs;
}

/** System prompts change from request to request and are no part of the conversation. */
const isInstruction = (message: Json): boolean =>
  roleOf(message) === 'system' || roleOf(message) === 'developer';

function textBetween(messages: readonly Json[], from: number, to: number): string {
  return messages
    .slice(from, to)
    .filter((message) => !isInstruction(message))
    .map(textOf)
    .join(' ');
}

/** The past answers of a chat request. */
export function chatHistory(body: JsonObject): History {
  const messages = messagesOf(body);
  let behind = 0;
  const turns = assistantRuns(messages).map(({ from, to }): PastTurn => {
    const run = messages.slice(from, to);
    const asked = textBetween(messages, behind, from);
    behind = to;
    return {
      asked,
      said: run.map(textOf).join(' '),
      calls: run.flatMap((message) =>
        callsIn(message).map((call) => ({ id: asText(call['id']), name: nameOf(call) })),
      ),
      itemIds: [],
    };
  });
  return { turns, asked: textBetween(messages, behind, messages.length) };
}

/** The hidden rounds of a turn, its last assistant message in full, and the results of our calls beside it. */
export function hiddenTurn({ startBody, lastBody, lastRound, outcomes }: HiddenTurn): JsonObject {
  return {
    before: messagesOf(lastBody).slice(messagesOf(startBody).length),
    assistant: readableCalls(lastRound.message, outcomes),
    results: outcomes.map((outcome) => ({
      role: 'tool',
      tool_call_id: outcome.call.id,
      content: outcome.text,
    })),
  };
}

/**
 * Puts hidden parts back: what the client kept of an answer becomes the full turn again, with the hidden rounds
 * before it and one result for each call behind it, in the order of the calls.
 */
export function restoreHidden(body: JsonObject, found: ReadonlyMap<number, JsonObject>): JsonObject {
  const messages = messagesOf(body);
  const restored: Json[] = [];
  let behind = 0;
  let changed = false;
  for (const [position, { from, to }] of assistantRuns(messages).entries()) {
    const kept = found.get(position);
    restored.push(...messages.slice(behind, from));
    behind = to;
    while (roleOf(messages[behind]) === 'tool') behind += 1;
    const full =
      kept === undefined ? undefined : fullTurn(kept, messages.slice(from, to), messages.slice(to, behind));
    restored.push(...(full ?? messages.slice(from, behind)));
    changed ||= full !== undefined;
  }
  return changed ? { ...body, messages: [...restored, ...messages.slice(behind)] } : body;
}

/**
 * The turn as it went upstream, with a result for each call: ours, the client's, or a note where the client went on
 * without. Undefined where the client's message holds other calls than were handed back: it is another answer
 * with the same text.
 */
function fullTurn(kept: JsonObject, run: readonly Json[], answers: readonly Json[]): Json[] | undefined {
  const { assistant, before, results } = kept;
  if (!isJsonObject(assistant)) return undefined;
  const ours = (Array.isArray(results) ? results : []).filter(isJsonObject);
  const wanted = callsIn(assistant).map(({ id }) => id);
  const oursIds = new Set(ours.map((message) => message['tool_call_id']));
  const handedBack = wanted.filter((id) => !oursIds.has(id));
  const sent = run.flatMap((message) => callsIn(message).map(({ id }) => id));
  if (handedBack.length !== sent.length || !handedBack.every((id) => sent.includes(id))) return undefined;
  const byCall = new Map(
    [...ours, ...answers.filter(isJsonObject)].map((message) => [message['tool_call_id'], message]),
  );
  const inOrder = wanted.map((id): Json => {
    // A call without a result is refused by every provider.
    return byCall.get(id) ?? { role: 'tool', tool_call_id: id ?? null, content: 'This call was not run.' };
  });
  return [...(Array.isArray(before) ? before : []), assistant, ...inOrder];
}
