import { isJsonObject, type Json, type JsonObject } from '../core/json';

/**
 * Adds `usageMetadata` up over rounds: numbers are summed, lists of `{modality, tokenCount}` by modality, and of
 * anything else the last one stays (https://ai.google.dev/api/generate-content#UsageMetadata).
 */
export function sumUsageMetadata(rounds: readonly (JsonObject | undefined)[]): JsonObject | undefined {
  const known = rounds.filter((usage) => usage !== undefined);
  return known.length <= 1 ? known[0] : known.reduce(add);
}

function add(left: JsonObject, right: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(names.map((name) => [name, addValue(left[name], right[name])]));
}

function addValue(left: Json | undefined, right: Json | undefined): Json | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return addDetails(left, right);
  return right ?? left;
}

function addDetails(left: readonly Json[], right: readonly Json[]): Json[] {
  const byModality = new Map<Json | undefined, JsonObject>();
  for (const detail of [...left, ...right].filter(isJsonObject)) {
    const known = byModality.get(detail['modality']);
    byModality.set(detail['modality'], known === undefined ? detail : add(known, detail));
  }
  return [...byModality.values()];
}
