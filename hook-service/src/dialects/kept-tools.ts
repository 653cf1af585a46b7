import { clientToolName } from '../core/client-tools';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { without } from './tool-list';

/** Fields with tools of a client: the lists of all dialects, and the older one of chat. */
const lists = ['tools', 'functions'] as const;
/** Fields that may ask for one tool by name. */
const choices = ['tool_choice', 'function_call', 'toolConfig', 'tool_config'] as const;
/** Where an entry holds several tools: declarations of Gemini's, the namespaces of the Responses API. */
const inner = ['functionDeclarations', 'function_declarations', 'tools'] as const;

/**
 * The request with those of the client's tools whose names may stay, in every form of the dialects. A choice that asks
 * for one that has gone goes with it. MCP entries stay: which servers a caller may use is said elsewhere. The very same
 * object where all may stay.
 */
export function keptTools(body: JsonObject, keep: (name: string) => boolean): JsonObject {
  const gone = new Set<string>();
  const may = (name: string): boolean => keep(name) || (gone.add(name), false);
  const set: JsonObject = {};
  const empty: string[] = [];
  for (const field of lists) {
    const entries = body[field];
    if (!Array.isArray(entries)) continue;
    const kept = entries.flatMap((entry) => keptEntry(entry, may, ''));
    if (kept.length === entries.length && kept.every((entry, at) => entry === entries[at])) continue;
    if (kept.length === 0) empty.push(field);
    else set[field] = kept;
  }
  if (gone.size === 0) return body;
  const names = [...gone].map((name) => JSON.stringify(name.split('.').at(-1)));
  const asked = choices.filter((field) => {
    const choice = body[field];
    if (choice === undefined) return false;
    // Where no tool is left, nothing can be asked for.
    return empty.includes('tools') || names.some((name) => JSON.stringify(choice).includes(name));
  });
  return { ...without(body, ...empty, ...asked), ...set };
}

function keptEntry(entry: Json, may: (name: string) => boolean, prefix: string): Json[] {
  if (!isJsonObject(entry) || entry['type'] === 'mcp') return [entry];
  const group = inner.find((field) => Array.isArray(entry[field]));
  const members = group === undefined ? undefined : entry[group];
  if (group === undefined || !Array.isArray(members)) {
    const name = clientToolName(entry);
    return name === undefined || may(`${prefix}${name}`) ? [entry] : [];
  }
  const within = entry['type'] === 'namespace' ? `${prefix}${clientToolName(entry) ?? ''}.` : prefix;
  const kept = members.flatMap((each) => keptEntry(each, may, within));
  if (kept.length === members.length && kept.every((each, at) => each === members[at])) return [entry];
  const isAlone = entry['type'] === 'namespace' || Object.keys(entry).length === 1;
  return kept.length === 0 && isAlone ? [] : [{ ...entry, [group]: kept }];
}
