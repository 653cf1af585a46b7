import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { nameForModel } from '../core/work';
import { withoutNotes } from '../core/work-note';
import { asString, blocksOf, isCall } from './messages-content';
import { callIdFor, isOurId, isOurSignature } from './messages-work';

const isUse = (block: JsonObject): boolean =>
  block['type'] === 'mcp_tool_use' && isOurId(asString(block['id']));

const isResult = (block: JsonObject): boolean =>
  block['type'] === 'mcp_tool_result' && isOurId(asString(block['tool_use_id']));

/** Thinking of ours: by its signature, or by its text where the client has lost that. */
function isNote(block: JsonObject): boolean {
  if (block['type'] !== 'thinking') return false;
  const thinking = asString(block['thinking']);
  return isOurSignature(asString(block['signature'])) || (thinking !== '' && withoutNotes(thinking) === '');
}

const isOurs = (block: JsonObject): boolean => isNote(block) || isUse(block) || isResult(block);

const contentOf = (message: Json): readonly JsonObject[] =>
  isJsonObject(message) && Array.isArray(message['content']) ? blocksOf(message['content']) : [];

const holdsOurs = (message: Json): message is JsonObject =>
  isJsonObject(message) && message['role'] === 'assistant' && contentOf(message).some(isOurs);

/**
 * Takes our blocks out of past answers: thinking of ours goes, native calls become calls of the model with their
 * results behind them. A message is split there, since results stand in a message of the user. Blocks of Anthropic's
 * own connector stay.
 */
export function takeBackBlocks(body: JsonObject): JsonObject {
  const { messages } = body;
  if (!Array.isArray(messages) || !messages.some(holdsOurs)) return body;
  const results = new Map(
    messages
      .flatMap(contentOf)
      .filter(isResult)
      .map((block) => [block['tool_use_id'], block]),
  );
  return {
    ...body,
    messages: messages.flatMap((message) => (holdsOurs(message) ? split(message, results) : [message])),
  };
}

type Results = ReadonlyMap<Json | undefined, JsonObject>;

/** One message as it would have been if the client had run the calls. */
function split(message: JsonObject, results: Results): Json[] {
  const written: Json[] = [];
  let blocks: JsonObject[] = [];
  let answers: JsonObject[] = [];
  /** Calls whose results have not come yet in the client's message: what follows was written beside them. */
  const open = new Set<Json | undefined>();
  const end = (): void => {
    if (blocks.length > 0) written.push({ ...message, content: blocks });
    if (answers.length > 0) written.push({ role: 'user', content: answers });
    [blocks, answers] = [[], []];
    open.clear();
  };
  for (const block of callsLast(contentOf(message))) {
    if (isNote(block)) continue;
    if (isResult(block)) {
      open.delete(block['tool_use_id']);
      continue;
    }
    if (answers.length > 0 && (!isUse(block) || open.size === 0)) end();
    if (isUse(block)) {
      open.add(block['id']);
      answers.push(answer(block, results.get(block['id'])));
    }
    blocks.push(isUse(block) ? call(block) : block);
  }
  end();
  return written;
}

/** Calls that are the client's to answer are answered in the message behind, so nothing may follow them. */
const callsLast = (blocks: readonly JsonObject[]): JsonObject[] => [
  ...blocks.filter((block) => !isCall(block)),
  ...blocks.filter(isCall),
];

const cacheMark = ({ cache_control: mark }: JsonObject): JsonObject =>
  isJsonObject(mark) ? { cache_control: mark } : {};

function call(block: JsonObject): JsonObject {
  const { id, server_name: server, name, input } = block;
  return {
    type: 'tool_use',
    id: callIdFor(asString(id)),
    name: nameForModel(asString(server), asString(name)),
    input: isJsonObject(input) ? input : {},
    ...cacheMark(block),
  };
}

function answer(use: JsonObject, result: JsonObject | undefined): JsonObject {
  const tool_use_id = callIdFor(asString(use['id']));
  if (result === undefined)
    return { type: 'tool_result', tool_use_id, content: 'This call has no result any more.', is_error: true };
  const { content, is_error: failed } = result;
  return {
    type: 'tool_result',
    tool_use_id,
    content: typeof content === 'string' ? content : [...blocksOf(content)],
    ...(failed === true ? { is_error: true } : {}),
    ...cacheMark(result),
  };
}
