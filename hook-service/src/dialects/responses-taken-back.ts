import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { argumentsOf, nameForModel } from '../core/work';
import { withoutNotes } from '../core/work-note';
import { idOf, typeOf } from './responses-items';
import { isQuestion } from './responses-questions';
import { objectsIn } from './responses-round';
import { callIdFor, isOurs } from './responses-work';

/**
 * Takes our items out of past answers: notes, lists of tools and references to any of ours go, native calls become
 * calls of the model with their results. Items of the provider's own hosted servers stay.
 */
export function takeBackItems(body: JsonObject): JsonObject {
  const { input } = body;
  if (!Array.isArray(input) || !input.some(isWork)) return body;
  return { ...body, input: input.flatMap((item): Json[] => (isWork(item) ? callAndResult(item) : [item])) };
}

const isWork = (item: Json): boolean => isOurs(item) || isNote(item) || isQuestion(item);

/** A note whose id the client has dropped: clients that keep nothing at the provider do. */
function isNote(item: Json): boolean {
  if (!isJsonObject(item) || typeOf(item) !== 'reasoning' || idOf(item) !== undefined) return false;
  const texts = objectsIn(item['summary']).map((part) => part['text']);
  return texts.length > 0 && texts.every((text) => typeof text === 'string' && withoutNotes(text) === '');
}

function callAndResult(item: Json): JsonObject[] {
  if (!isJsonObject(item) || typeOf(item) !== 'mcp_call') return [];
  const text = (name: string): string | undefined => {
    const value = item[name];
    return typeof value === 'string' ? value : undefined;
  };
  const call_id = callIdFor(idOf(item) ?? '');
  const name = nameForModel(text('server_label') ?? '', text('name') ?? '');
  const written = { arguments: text('arguments') ?? '' };
  return [
    { type: 'function_call', call_id, name, arguments: JSON.stringify(argumentsOf(written)) },
    {
      type: 'function_call_output',
      call_id,
      output: text('output') ?? text('error') ?? 'This call has no result any more.',
    },
  ];
}
