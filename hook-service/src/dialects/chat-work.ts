import type { ShownWork } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { holdsNote, noteLines, notesOf, withoutNotes } from '../core/work-note';

/**
 * Tool work in chat completions: notes in `reasoning_content`, the name that LiteLLM gives a model's thoughts. The
 * dialect has no items for tools of the other side, so `native` shows the same.
 */

/** Under these names clients send a model's thoughts back. */
const reasoningFields = ['reasoning_content', 'reasoning'] as const;

/** `reasoning_content` of a whole message: the notes of all rounds, then what the last one thought. */
export function reasoningWith(message: JsonObject, shown: ShownWork | undefined): JsonObject {
  const notes = notesOf((shown?.rounds ?? []).flatMap((work) => work ?? []));
  if (notes.length === 0) return {};
  const thought = message['reasoning_content'];
  return { reasoning_content: noteLines('', notes) + (typeof thought === 'string' ? thought : '') };
}

/** Takes notes out of the assistant's messages; a field with nothing else in it goes. */
export function takeBackNotes(body: JsonObject): JsonObject {
  const { messages } = body;
  if (!Array.isArray(messages) || !messages.some(hasNote)) return body;
  return {
    ...body,
    messages: messages.map((message) => (hasNote(message) ? withoutNote(message) : message)),
  };
}

function hasNote(message: Json): message is JsonObject {
  if (!isJsonObject(message) || message['role'] !== 'assistant') return false;
  return reasoningFields.some((name) => {
    const text = message[name];
    return typeof text === 'string' && holdsNote(text);
  });
}

function withoutNote(message: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(message).flatMap(([name, value]) => {
      if (typeof value !== 'string' || !reasoningFields.some((each) => each === name)) return [[name, value]];
      const own = withoutNotes(value);
      return own === '' ? [] : [[name, own]];
    }),
  );
}
