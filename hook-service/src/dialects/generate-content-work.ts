import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { holdsNote, withoutNotes } from '../core/work-note';
import { contentsOf, isModel, partsOf } from './generate-content-parts';

/**
 * Tool work in the Gemini API: notes as thoughts, which are parts with `thought: true`
 * (https://ai.google.dev/gemini-api/docs/thinking). The dialect has no parts for tools of the other side, so `native`
 * shows the same.
 */

/** A part with notes in it. */
export const thoughtPart = (text: string): JsonObject => ({ text, thought: true });

/** Takes notes out of the model's contents; parts and contents with nothing else in them go. */
export function takeBackNotes(body: JsonObject): JsonObject {
  const contents = contentsOf(body);
  if (!contents.some(hasNote)) return body;
  return {
    ...body,
    contents: contents.flatMap((content): Json[] => {
      if (!hasNote(content)) return [content];
      const parts = partsOf(content).flatMap(ownPart);
      return parts.length === 0 ? [] : [{ ...content, parts }];
    }),
  };
}

const isNote = (part: JsonObject): boolean =>
  part['thought'] === true && typeof part['text'] === 'string' && holdsNote(part['text']);

const hasNote = (content: Json): content is JsonObject =>
  isJsonObject(content) && isModel(content) && partsOf(content).some(isNote);

function ownPart(part: JsonObject): JsonObject[] {
  if (!isNote(part) || typeof part['text'] !== 'string') return [part];
  const own = withoutNotes(part['text']);
  return own === '' ? [] : [{ ...part, text: own }];
}
