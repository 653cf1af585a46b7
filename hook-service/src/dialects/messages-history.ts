import type { HiddenTurn, History, PastTurn } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { asString, blocksOf, isCall, toolResult, visibleText } from './messages-content';

const messagesOf = (body: JsonObject): readonly Json[] =>
  Array.isArray(body['messages']) ? body['messages'] : [];

const roleOf = (message: Json | undefined): Json | undefined =>
  isJsonObject(message) ? message['role'] : undefined;

const contentOf = (message: Json | undefined): readonly JsonObject[] =>
  isJsonObject(message) ? blocksOf(message['content']) : [];

/** A run of assistant messages, and the run of other messages behind it; ends are exclusive. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly behind: number;
}

function assistantRuns(messages: readonly Json[]): Run[] {
  const isAssistant = (at: number): boolean => roleOf(messages[at]) === 'assistant';
  const runs: Run[] = [];
  for (let i = 0; i < messages.length; i++) {
    if (!isAssistant(i)) continue;
    const from = i;
    while (isAssistant(i + 1)) i += 1;
    let behind = i + 1;
    while (behind < messages.length && !isAssistant(behind)) behind += 1;
    runs.push({ from, to: i + 1, behind });
  }
  return runs;
}

const [reminderBegins, reminderEnds] = ['<system-reminder>', '</system-reminder>'];

/** Claude Code writes reminders into the user's messages and changes them from request to request. */
function withoutReminders(text: string): string {
  let kept = '';
  let at = 0;
  for (;;) {
    const begins = text.indexOf(reminderBegins, at);
    const ends = begins === -1 ? -1 : text.indexOf(reminderEnds, begins);
    if (ends === -1) return kept + text.slice(at);
    kept += text.slice(at, begins);
    at = ends + reminderEnds.length;
  }
}

/** What a user's block says; what is no text counts by its kind. Marks for the prompt cache move, so they never count. */
function asked(block: JsonObject): string {
  if (typeof block['text'] === 'string') return withoutReminders(block['text']);
  if (block['type'] !== 'tool_result') return `[${asString(block['type'])}]`;
  return blocksOf(block['content']).map(asked).join('');
}

/** Text of the user's messages; system prompts change from request to request and are no part of the conversation. */
function textBetween(messages: readonly Json[], from: number, to: number): string {
  return messages
    .slice(from, to)
    .filter((message) => roleOf(message) === 'user')
    .flatMap((message) => contentOf(message).map(asked))
    .join(' ');
}

/** The past answers of a request. Thinking is left out: a client may drop it. */
export function messagesHistory(body: JsonObject): History {
  const messages = messagesOf(body);
  let behind = 0;
  const turns = assistantRuns(messages).map(({ from, to }): PastTurn => {
    const blocks = messages.slice(from, to).flatMap(contentOf);
    const asked = textBetween(messages, behind, from);
    behind = to;
    return {
      asked,
      said: visibleText(blocks),
      calls: blocks.filter(isCall).map(({ id, name }) => ({ id: asString(id), name: asString(name) })),
      itemIds: [],
    };
  });
  return { turns, asked: textBetween(messages, behind, messages.length) };
}

/** The hidden rounds of a turn, its last message in full, and the results of our calls in it. */
export function hiddenTurn({ startBody, lastBody, lastRound, outcomes }: HiddenTurn): JsonObject {
  return {
    before: messagesOf(lastBody).slice(messagesOf(startBody).length),
    assistant: lastRound.message,
    results: outcomes.map(toolResult),
  };
}

/**
 * Puts hidden parts back: what the client kept of an answer becomes the full turn again, with the hidden rounds in
 * front. The user's message behind it then begins with one result for each call, in the order of the calls, as the
 * API demands (https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use).
 */
export function restoreHidden(body: JsonObject, found: ReadonlyMap<number, JsonObject>): JsonObject {
  const messages = messagesOf(body);
  const restored: Json[] = [];
  let at = 0;
  let changed = false;
  for (const [position, { from, to, behind }] of assistantRuns(messages).entries()) {
    const kept = found.get(position);
    const replies = messages.slice(to, behind);
    const full = kept === undefined ? undefined : fullTurn(kept, messages.slice(from, to), replies);
    restored.push(...messages.slice(at, from), ...(full ?? [...messages.slice(from, to), ...replies]));
    at = behind;
    changed ||= full !== undefined;
  }
  return changed ? { ...body, messages: [...restored, ...messages.slice(at)] } : body;
}

/** The turn as it went upstream with the messages behind it; undefined where that would be ill-formed. */
function fullTurn(
  kept: JsonObject,
  shown: readonly Json[],
  replies: readonly Json[],
): readonly Json[] | undefined {
  const { assistant, before, results } = kept;
  if (!isJsonObject(assistant)) return undefined;
  const blocks = contentOf(assistant);
  const calls = blocks.filter(isCall).map((block) => block['id']);
  const shownBlocks = shown.flatMap(contentOf);
  // A call that is not in the kept answer would lose its place, and its result with it.
  if (shownBlocks.some((block) => isCall(block) && !calls.includes(block['id']))) return undefined;
  const hidden = Array.isArray(before) ? before : [];
  const answer = blocks.length === 0 ? [] : [marked(assistant, shownBlocks)];
  if (calls.length === 0) return [...hidden, ...answer, ...replies];
  // Calls need a message behind them for their results.
  if (!replies.some((message) => roleOf(message) === 'user')) return undefined;
  const own = Array.isArray(results) ? results.filter(isJsonObject) : [];
  return [...hidden, ...answer, ...answered(calls, own, replies)];
}

const isResult = (block: JsonObject): boolean => block['type'] === 'tool_result';

/** The replies of the client, with the result of every call at the front of the first. */
function answered(
  calls: readonly (Json | undefined)[],
  own: readonly JsonObject[],
  replies: readonly Json[],
): Json[] {
  const theirs = replies.flatMap(contentOf).filter(isResult);
  const byCall = new Map([...theirs, ...own].map((block) => [block['tool_use_id'], block]));
  const inOrder = calls.map((id) => byCall.get(id) ?? notRun(id));
  const first = replies.findIndex((message) => roleOf(message) === 'user');
  return replies.flatMap((message, position): Json[] => {
    if (roleOf(message) !== 'user' || !isJsonObject(message)) return [message];
    const blocks = contentOf(message);
    const rest = blocks.filter((block) => !isResult(block) || !calls.includes(block['tool_use_id']));
    if (position === first) return [{ ...message, content: [...inOrder, ...rest] }];
    if (rest.length === blocks.length) return [message];
    return rest.length === 0 ? [] : [{ ...message, content: rest }];
  });
}

/** A call without a result is refused. */
const notRun = (id: Json | undefined): JsonObject => ({
  type: 'tool_result',
  tool_use_id: id ?? null,
  content: 'This call was not run.',
  is_error: true,
});

/** Blocks that cannot bear a mark for the prompt cache (https://docs.claude.com/en/docs/build-with-claude/prompt-caching). */
const unmarkable = new Set(['thinking', 'redacted_thinking']);

/** The kept message with the client's mark for the prompt cache, where it set one on what it was shown. */
function marked(assistant: JsonObject, shown: readonly JsonObject[]): JsonObject {
  const mark = shown.findLast((block) => isJsonObject(block['cache_control']))?.['cache_control'];
  if (mark === undefined) return assistant;
  const content = [...contentOf(assistant)];
  const at = content.findLastIndex((block) => !unmarkable.has(asString(block['type'])));
  if (at === -1) return assistant;
  content[at] = { ...content[at], cache_control: mark };
  return { ...assistant, content };
}
