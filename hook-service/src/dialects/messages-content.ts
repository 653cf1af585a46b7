import { parseArguments } from '../core/arguments';
import type { Outcome, ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { uniqueId } from './chat-message';
import { separator } from './text';

/** The blocks of a message's `content`: a string is one text block (https://docs.claude.com/en/api/messages, `messages.content`). */
export function blocksOf(content: Json | undefined): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

/** A string as it is; the empty one for anything else. */
export const asString = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/**
 * A call that the client's side answers. Calls that the provider runs by itself are `server_tool_use` and
 * `mcp_tool_use` blocks; they and their results are content like any other.
 */
export const isCall = (block: JsonObject): boolean => block['type'] === 'tool_use';

export const isText = (block: JsonObject): boolean =>
  block['type'] === 'text' && typeof block['text'] === 'string';

export const textOf = (block: JsonObject): string => (isText(block) ? asString(block['text']) : '');

/** The visible text of an answer. Pieces of one text can be several blocks (citations), so nothing comes between them. */
export const visibleText = (blocks: readonly JsonObject[]): string => blocks.map(textOf).join('');

/** The blocks with an id for each call and no id twice, since a result names its call by id. Nothing else is touched. */
export function withCallIds(
  blocks: readonly JsonObject[],
  turn: string,
  roundNumber: number,
): readonly JsonObject[] {
  const used = new Set<string>();
  return blocks.map((block, position) => {
    if (!isCall(block)) return block;
    const id = uniqueId(block['id'], used, turn, roundNumber, position);
    return id === block['id'] ? block : { ...block, id };
  });
}

/** The calls among the blocks, in their order. `cutOff`: the answer ended because it became too long. */
export function callsIn(blocks: readonly JsonObject[], cutOff: boolean): ToolCall[] {
  return blocks.filter(isCall).map((block) => {
    const { input } = block;
    const whole =
      typeof input === 'string' ? input : input === undefined || input === null ? '' : JSON.stringify(input);
    return {
      id: asString(block['id']),
      name: asString(block['name']),
      // What the model did not finish writing looks like a call with fewer arguments: it must not run as one.
      arguments: cutOff && block === blocks.at(-1) ? (whole === '' ? '{' : whole.slice(0, -1)) : whole,
    };
  });
}

/** `input` as providers take it: an object, whatever the model wrote. The result tells the model what was wrong. */
export function inputOf(written: string): JsonObject {
  const parsed = parseArguments(written);
  return parsed.ok ? parsed.value : {};
}

/**
 * The model's turn as it goes upstream again: every block as it came, thinking with its signatures above all.
 * Left out is only what the API refuses in a request: text blocks of nothing but white space.
 */
export function assistantMessage(blocks: readonly JsonObject[]): JsonObject {
  const content = blocks
    .filter((block) => !isText(block) || textOf(block).trim() !== '' || hasCitations(block))
    .map((block) =>
      isCall(block) && !isJsonObject(block['input']) ? { ...block, input: inputOfAny(block) } : block,
    );
  return { role: 'assistant', content };
}

const hasCitations = (block: JsonObject): boolean =>
  Array.isArray(block['citations']) && block['citations'].length > 0;

const inputOfAny = (block: JsonObject): JsonObject =>
  typeof block['input'] === 'string' ? inputOf(block['input']) : {};

/** Images that a result can carry (https://docs.claude.com/en/docs/build-with-claude/vision). */
const imageTypes = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** The result of one of our calls. One with `is_error` may hold text only. */
export function toolResult(outcome: Outcome): JsonObject {
  const images =
    outcome.failure === undefined
      ? (outcome.media ?? []).filter((part) => part.type === 'image' && imageTypes.has(part.mimeType))
      : [];
  return {
    type: 'tool_result',
    tool_use_id: outcome.call.id,
    content:
      images.length === 0
        ? outcome.text
        : [
            ...(outcome.text === '' ? [] : [{ type: 'text', text: outcome.text }]),
            ...images.map(({ mimeType, data }) => ({
              type: 'image',
              source: { type: 'base64', media_type: mimeType, data },
            })),
          ],
    ...(outcome.failure === undefined ? {} : { is_error: true }),
  };
}

/** A text block with nothing else to it, so that another one can be joined to it. */
const isPlainText = (block: JsonObject | undefined): block is JsonObject =>
  block !== undefined &&
  isText(block) &&
  Object.entries(block).every(([name, value]) => name === 'type' || name === 'text' || value === null);

/**
 * The blocks of all rounds as one answer. Text on both sides of a hidden call becomes one block where that loses
 * nothing: clients read the answer from `content[0].text`.
 */
export function joinRounds(rounds: readonly (readonly JsonObject[])[]): JsonObject[] {
  const joined: JsonObject[] = [];
  let visible = '';
  for (const [number, blocks] of rounds.entries()) {
    let begun = false;
    for (const [position, block] of blocks.entries()) {
      const text = textOf(block);
      const lead = begun ? '' : separator(visible, text);
      begun ||= text !== '';
      visible += lead + text;
      const before = joined.at(-1);
      if (number > 0 && position === 0 && isPlainText(before) && isPlainText(block)) {
        joined[joined.length - 1] = { ...before, text: textOf(before) + lead + text };
      } else {
        joined.push(lead === '' ? block : { ...block, text: lead + text });
      }
    }
  }
  return joined;
}

/** Why the answer ended. One without calls cannot have ended because of calls; `pause_turn` and the like stay. */
export function stopReason(reason: Json | undefined, handedBack: boolean): Json {
  if (handedBack) return 'tool_use';
  return reason === 'tool_use' || reason === undefined || reason === null ? 'end_turn' : reason;
}
