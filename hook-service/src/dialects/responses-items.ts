/**
 * Items of the Responses API, as they stand in `input` and in `output`
 * (https://platform.openai.com/docs/api-reference/responses/object#responses-object-output).
 */
import { parseArguments } from '../core/arguments';
import type { Outcome, ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { uniqueId } from './chat-message';

/** Calls that the model makes by name, and the item that answers each. Ours are always `function_call`. */
const namedCalls: Readonly<Record<string, string>> = {
  function_call: 'function_call_output',
  custom_tool_call: 'custom_tool_call_output',
};

/** Items that only the client can answer. Their type stands in for a name, which no tool of ours can have. */
const clientOnly: Readonly<Record<string, string>> = {
  computer_call: 'computer_call_output',
  local_shell_call: 'local_shell_call_output',
  shell_call: 'shell_call_output',
  apply_patch_call: 'apply_patch_call_output',
  mcp_approval_request: 'mcp_approval_response',
};

const answers: ReadonlySet<string> = new Set([...Object.values(namedCalls), ...Object.values(clientOnly)]);

export const typeOf = (item: Json | undefined): string =>
  isJsonObject(item) && typeof item['type'] === 'string' ? item['type'] : '';

export const idOf = (item: Json | undefined): string | undefined =>
  isJsonObject(item) && typeof item['id'] === 'string' && item['id'] !== '' ? item['id'] : undefined;

/** True for an item that asks for an answer before the model can go on. */
export function isCall(item: JsonObject): boolean {
  return typeOf(item) in namedCalls || typeOf(item) in clientOnly;
}

/** True for what answers a call: `function_call_output` and its kin. */
export const isAnswer = (item: Json | undefined): boolean => answers.has(typeOf(item));

/** The id by which a call and its answer belong together. */
export function callIdOf(item: JsonObject): string {
  const id = item['call_id'] ?? item['approval_request_id'] ?? (isCall(item) ? item['id'] : undefined);
  return typeof id === 'string' ? id : '';
}

/** The name of a call. A call inside a namespace (Codex) is the client's, whatever its name. */
export function callNameOf(item: JsonObject): string {
  if (!(typeOf(item) in namedCalls)) return typeOf(item);
  const name = typeof item['name'] === 'string' ? item['name'] : '';
  const namespace = item['namespace'];
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}.${name}` : name;
}

export function toolCallOf(item: JsonObject): ToolCall {
  const written = item['arguments'] ?? item['input'];
  return {
    id: callIdOf(item),
    name: callNameOf(item),
    arguments:
      typeof written === 'string'
        ? written
        : written === undefined || written === null
          ? ''
          : JSON.stringify(written),
  };
}

/** The calls among a round's items that nobody has answered: a hosted shell brings its own output. */
export function openCalls(items: readonly JsonObject[]): JsonObject[] {
  const answered = new Set(items.filter(isAnswer).map(callIdOf));
  return items.filter((item) => isCall(item) && !answered.has(callIdOf(item)));
}

/** Visible text of an item: of its content, or of an answer's output; what is no text counts by its kind. */
export function textOf(item: Json | undefined): string {
  if (!isJsonObject(item)) return '';
  const content = item['content'] ?? item['output'];
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return isJsonObject(content) ? `[${typeOf(content)}]` : '';
  return content
    .map((part) => {
      if (!isJsonObject(part)) return '';
      const text = part['text'] ?? part['refusal'];
      return typeof text === 'string' ? text : `[${typeOf(part)}]`;
    })
    .join('');
}

/** Visible text of an output: that of its messages. Reasoning is none. */
export const visibleText = (items: readonly JsonObject[]): string =>
  items
    .filter((item) => typeOf(item) === 'message')
    .map(textOf)
    .join(' ');

const withoutNulls = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));

/**
 * An output item as it goes upstream again: as the provider wrote it, without the nulls that LiteLLM adds to
 * items and their parts (`phase`, `content`, `status`, `encrypted_content`), since a provider refuses some of them.
 */
export function plainItem(item: JsonObject): JsonObject {
  const plain = withoutNulls(item);
  for (const name of ['content', 'summary']) {
    const parts = plain[name];
    if (Array.isArray(parts))
      plain[name] = parts.map((part) => (isJsonObject(part) ? withoutNulls(part) : part));
  }
  return plain;
}

/** Gives every named call an id, and no id twice, so that each answer finds its call. */
export function withCallIds(items: readonly JsonObject[], turn: string, roundNumber: number): JsonObject[] {
  const used = new Set<string>();
  let position = 0;
  return items.map((item) => {
    if (!(typeOf(item) in namedCalls)) return item;
    const id = uniqueId(item['call_id'], used, turn, roundNumber, position++);
    return id === item['call_id'] ? item : { ...item, call_id: id };
  });
}

/**
 * Items as they may stand in a request. Without `store` the provider knows no reasoning item by its id: one
 * that carries its thought neither encrypted nor as text would be refused ("Item with id … not found").
 */
export function sendable(items: readonly Json[], store: Json | undefined): Json[] {
  return store === false ? items.filter((item) => !isEmptyReasoning(item)) : [...items];
}

function isEmptyReasoning(item: Json): boolean {
  if (!isJsonObject(item) || typeOf(item) !== 'reasoning') return false;
  const { encrypted_content: encrypted, content } = item;
  return typeof encrypted !== 'string' && !(Array.isArray(content) && content.length > 0);
}

/** The same items, with `{}` for arguments of answered calls that are no JSON object: LiteLLM parses them for other providers. */
export function readableItems(items: readonly JsonObject[], outcomes: readonly Outcome[]): JsonObject[] {
  const broken = new Set(
    outcomes
      .filter(({ call }) => call.arguments.trim() === '' || !parseArguments(call.arguments).ok)
      .map(({ call }) => call.id),
  );
  return items.map((item) =>
    typeOf(item) === 'function_call' && broken.has(callIdOf(item)) ? { ...item, arguments: '{}' } : item,
  );
}

/** The answer to a call of ours. Images stand beside the text; audio is nothing this API takes as a result. */
export function answerItem(outcome: Outcome, calls: readonly JsonObject[]): JsonObject {
  const call = calls.find((item) => callIdOf(item) === outcome.call.id);
  const images = (outcome.media ?? []).filter((part) => part.type === 'image');
  return {
    type: namedCalls[typeOf(call)] ?? 'function_call_output',
    call_id: outcome.call.id,
    output:
      images.length === 0
        ? outcome.text
        : [
            { type: 'input_text', text: outcome.text },
            ...images.map((image) => ({
              type: 'input_image',
              image_url: `data:${image.mimeType};base64,${image.data}`,
              detail: 'auto',
            })),
          ],
  };
}

/** An answer for a call that nobody answered; undefined where a text is no answer (a screenshot, say). */
export function unansweredItem(call: JsonObject): JsonObject | undefined {
  const type = namedCalls[typeOf(call)];
  return type === undefined ? undefined : { type, call_id: callIdOf(call), output: 'This call was not run.' };
}

/** `input` as a list of items; a string is short for one message of the user. */
export function inputItems(body: JsonObject): readonly Json[] {
  const { input } = body;
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  return Array.isArray(input) ? input : [];
}

/** The id of a message that we write where the model left the client without any text. */
export const noteId = (turn: string): string => `msg_toolturn_${turn}`;

export function noteItem(turn: string, text: string): JsonObject {
  return {
    id: noteId(turn),
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text, annotations: [] }],
  };
}
