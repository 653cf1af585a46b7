import type { Round } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import {
  callNameOf,
  idOf,
  isCall,
  noteId,
  openCalls,
  plainItem,
  toolCallOf,
  visibleText,
  withCallIds,
} from './responses-items';

/** The model's turn of one round: the id of its response and its items. */
export interface ResponsesMessage extends JsonObject {
  id: string;
  turn: string;
  output: JsonObject[];
}

export function messageOf(round: Round | undefined): ResponsesMessage {
  const message = round?.message ?? {};
  const { id, turn, output } = message;
  return {
    id: typeof id === 'string' ? id : '',
    turn: typeof turn === 'string' ? turn : '',
    output: Array.isArray(output) ? output.filter(isJsonObject) : [],
  };
}

export const objectsIn = (list: Json | undefined): JsonObject[] =>
  Array.isArray(list) ? list.filter(isJsonObject) : [];

/** Makes a round of a response and its items; of a response that failed the calls are none. */
export function roundOf(
  response: JsonObject,
  items: readonly JsonObject[],
  turn: string,
  roundNumber: number,
): Round {
  const output = withCallIds(items.map(plainItem), turn, roundNumber);
  const id = typeof response['id'] === 'string' ? response['id'] : '';
  const usage = response['usage'];
  const ids = output.map(idOf).filter((each) => each !== undefined);
  return {
    message: { id, turn, output },
    calls: response['status'] === 'failed' ? [] : openCalls(output).map(toolCallOf),
    text: visibleText(output),
    ...(isJsonObject(usage) ? { usage } : {}),
    response,
    // A note of ours can end any turn of more than one round.
    ...(id === '' ? {} : { responseId: id }),
    itemIds: [...ids, ...(id === '' ? [] : [id]), ...(roundNumber === 2 ? [noteId(turn)] : [])],
  };
}

/** What a client may see of its own request in an answer: the echoed tool list without the tools that are not its own. */
export function ownEcho(response: JsonObject, isClients: (name: string) => boolean): JsonObject {
  const { tools } = response;
  if (!Array.isArray(tools)) return response;
  const own = tools.filter((tool) => {
    const name = isJsonObject(tool) && tool['type'] === 'function' ? tool['name'] : undefined;
    return typeof name !== 'string' || isClients(name);
  });
  return own.length === tools.length ? response : { ...response, tools: own };
}

/** Fields of the answer that repeat the request: later rounds ask with other values than the client's. */
const echoed = ['created_at', 'tools', 'tool_choice', 'parallel_tool_calls'] as const;

/** The envelope of the one answer: the last round's, with what the first repeats of the client's request. */
export function joinedEnvelope(first: JsonObject, last: JsonObject): JsonObject {
  const fromFirst = echoed.flatMap((name) =>
    first[name] === undefined ? [] : [[name, first[name]] as const],
  );
  return { ...last, ...Object.fromEntries(fromFirst) };
}

/** The items of a round that a client may see: all but calls that are not handed back. */
export function shownItems(output: readonly JsonObject[], handedBack: ReadonlySet<string>): JsonObject[] {
  const hidden = new Set(openCalls(output).filter((item) => !handedBack.has(toolCallOf(item).id)));
  return output.filter((item) => !hidden.has(item));
}

/** True for an item that only the client's side may see or never: decided by its name alone. */
export function isHiddenCall(item: JsonObject, isClients: (name: string) => boolean): boolean {
  return isCall(item) && !isClients(callNameOf(item));
}
