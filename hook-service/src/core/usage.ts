import { isJsonObject, type Json, type JsonObject } from './json';

/**
 * Adds usage up over rounds, whatever fields the provider counts in: numbers are summed, details inside
 * objects likewise, and of anything else the last one stays.
 */
export function sumUsage(rounds: readonly (JsonObject | undefined)[]): JsonObject | undefined {
  const known = rounds.filter((usage): usage is JsonObject => usage !== undefined);
  if (known.length <= 1) return known[0];
  return known.reduce(add);
}

function add(left: JsonObject, right: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(names.map((name) => [name, addValue(left[name], right[name])]));
}

function addValue(left: Json | undefined, right: Json | undefined): Json | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (isJsonObject(left) && isJsonObject(right)) return add(left, right);
  return right ?? left;
}
