import type { Dialect } from '../core/dialect';
import type { Json, JsonObject } from '../core/json';

/** `added` and `withAdded` for a dialect whose `next` appends to one list of the request. */
export function addsTo(
  field: string,
  entries: (body: JsonObject) => readonly Json[],
  unforced: (body: JsonObject) => JsonObject,
): Pick<Dialect, 'added' | 'withAdded'> {
  return {
    added: (from, to) => entries(to).slice(entries(from).length),
    withAdded: (body, added) => ({ ...unforced(body), [field]: [...entries(body), ...added] }),
  };
}

/** The entries of a list in a request; none where there is no list. */
export const listIn =
  (field: string) =>
  (body: JsonObject): readonly Json[] => {
    const list = body[field];
    return Array.isArray(list) ? list : [];
  };
