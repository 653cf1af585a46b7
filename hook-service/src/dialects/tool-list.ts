import type { ClientTools } from '../core/dialect';
import type { Json, JsonObject } from '../core/json';

/** The entries of `tools`; none where it is absent, null or the word `auto`. */
export function toolList(body: JsonObject): readonly Json[] {
  return Array.isArray(body['tools']) ? body['tools'] : [];
}

/** A copy without these fields. */
export function without(body: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** What a request with a flat list `tools` says: `namesIn` gives the names of an entry, `isKnown` whether they are all it has. */
export function listedTools(
  body: JsonObject,
  refusal: string | undefined,
  namesIn: (entry: Json) => readonly string[],
  isKnown: (entry: Json) => boolean,
): ClientTools {
  const list = toolList(body);
  return {
    ...(refusal === undefined ? {} : { refusal }),
    requested: body['tools'] === 'auto',
    count: list.length,
    names: new Set(list.flatMap(namesIn)),
    opaque: !list.every(isKnown),
  };
}

/** The names in the list `tools` behind the client's own entries. */
export function namesBehind(
  body: JsonObject,
  clientCount: number,
  namesIn: (entry: Json) => readonly string[],
): ReadonlySet<string> {
  return new Set(toolList(body).slice(clientCount).flatMap(namesIn));
}
