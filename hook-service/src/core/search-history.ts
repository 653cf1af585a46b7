import { builtinOf } from './builtin';
import { isJsonObject, type Json, type JsonObject } from './json';

/** Where the four dialects keep the conversation. */
const conversations = ['messages', 'input', 'contents'];
/** Where they keep the arguments of a call, beside its `name`. */
const argumentFields = ['arguments', 'input', 'args'];
/** Nothing a dialect writes lies deeper; what does is somebody's data. */
const deepest = 8;

/**
 * Names of the tools that were called in a conversation, in the order of their first call; a call through `call_tool`
 * counts for the tool it named. The same for every dialect: a call is an object with a `name` and arguments.
 */
export function calledNames(body: JsonObject): readonly string[] {
  const found = new Set<string>();
  for (const field of conversations) walk(body[field], 0, found);
  return [...found];
}

function walk(value: Json | undefined, depth: number, found: Set<string>): void {
  if (typeof value !== 'object' || value === null || depth > deepest) return;
  if (Array.isArray(value)) {
    for (const each of value) walk(each, depth + 1, found);
    return;
  }
  const name = value['name'];
  const field = argumentFields.find((each) => value[each] !== undefined);
  if (typeof name === 'string' && field !== undefined) {
    const called = builtinOf(name) === 'call_tool' ? nameIn(value[field]) : name;
    if (called !== undefined) found.add(called);
    return;
  }
  for (const each of Object.values(value)) walk(each, depth + 1, found);
}

function nameIn(args: Json | undefined): string | undefined {
  let value: unknown = args;
  if (typeof args === 'string') {
    try {
      value = JSON.parse(args);
    } catch {
      return undefined;
    }
  }
  return isJsonObject(value) && typeof value['name'] === 'string' ? value['name'] : undefined;
}
