import type { ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { uniqueId } from './chat-message';

/**
 * Contents and parts of the Gemini API (https://ai.google.dev/api/caching#Content). Its servers read every field
 * under its camelCase and its snake_case name, so both are read here too.
 */

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A field under either of its names. */
export function field(object: JsonObject, camel: string): Json | undefined {
  const value = object[camel];
  if (value !== undefined && value !== null) return value;
  return object[snakeCase(camel)] ?? undefined;
}

/** A field that holds an object; undefined for anything else. */
export function objectField(object: JsonObject, camel: string): JsonObject | undefined {
  const value = field(object, camel);
  return isJsonObject(value) ? value : undefined;
}

/** The object without these fields, under either of their names. */
export function without(object: JsonObject, ...names: readonly string[]): JsonObject {
  const gone = new Set(names.flatMap((name) => [name, snakeCase(name)]));
  return Object.fromEntries(Object.entries(object).filter(([name]) => !gone.has(name)));
}

export function contentsOf(body: JsonObject): readonly Json[] {
  return Array.isArray(body['contents']) ? body['contents'] : [];
}

export function partsOf(content: Json | undefined): readonly JsonObject[] {
  const parts = isJsonObject(content) ? content['parts'] : undefined;
  return Array.isArray(parts) ? parts.filter(isJsonObject) : [];
}

export const isModel = (content: Json | undefined): boolean =>
  isJsonObject(content) && content['role'] === 'model';

export const callIn = (part: JsonObject): JsonObject | undefined => objectField(part, 'functionCall');

export const resultIn = (part: JsonObject): JsonObject | undefined => objectField(part, 'functionResponse');

export const nameOf = (callOrResult: JsonObject): string =>
  typeof callOrResult['name'] === 'string' ? callOrResult['name'] : '';

export const idOf = (callOrResult: JsonObject): string =>
  typeof callOrResult['id'] === 'string' ? callOrResult['id'] : '';

/** True for a response in which the provider refuses to answer at all: there is no candidate then. */
export function isBlocked(response: JsonObject): boolean {
  const feedback = response['promptFeedback'];
  return isJsonObject(feedback) && typeof feedback['blockReason'] === 'string';
}

/** What a client shows of a part as the answer: thoughts are text too, but not of the answer. */
export function visibleText(part: JsonObject): string {
  return typeof part['text'] === 'string' && part['thought'] !== true ? part['text'] : '';
}

/** True for `{"text": ""}`, which providers send to have something to say the end with, and refuse in a request. */
export function isEmptyPart(part: JsonObject): boolean {
  return Object.entries(part).every(([name, value]) => value === null || (name === 'text' && value === ''));
}

/**
 * The model's content as it goes upstream again. A thought signature stays on the very part it came with
 * (https://ai.google.dev/gemini-api/docs/thought-signatures); nulls, which LiteLLM 1.77.3 adds to whole answers by
 * the dozen, and empty parts go.
 */
export function modelContent(parts: readonly JsonObject[]): JsonObject {
  return { role: 'model', parts: parts.filter((part) => !isEmptyPart(part)).map(withoutNulls) };
}

/** Without null fields in the part and in what it holds; arguments and results are the tool's and stay as they are. */
function withoutNulls(part: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(part)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [
        name,
        isJsonObject(value) && name !== 'partMetadata'
          ? Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null))
          : value,
      ]),
  );
}

/** Reads calls in the order in which the model writes them; each comes whole in one part. */
export class CallReader {
  readonly calls: ToolCall[] = [];
  private readonly used = new Set<string>();

  constructor(
    private readonly turn: string,
    private readonly roundNumber: number,
  ) {}

  /**
   * The call in a part, if there is one. Most Gemini models send no ids: one is made up for our own use only. Clients
   * write ids as they like (Gemini CLI puts the name before the model's, or makes one up).
   */
  push(part: JsonObject): ToolCall | undefined {
    const written = callIn(part);
    if (written === undefined) return undefined;
    const call: ToolCall = {
      id: uniqueId(idOf(written), this.used, this.turn, this.roundNumber, this.calls.length),
      looseId: true,
      name: nameOf(written),
      arguments: JSON.stringify(written['args'] ?? {}),
    };
    this.calls.push(call);
    return call;
  }
}

/** JSON with sorted keys and without nulls: equal for values that clients write differently. */
export function canonical(value: Json | undefined): string {
  return JSON.stringify(value ?? null, (_name, inner: Json) =>
    isJsonObject(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([, each]) => each !== null)
            .sort(([left], [right]) => (left < right ? -1 : 1)),
        )
      : inner,
  );
}
