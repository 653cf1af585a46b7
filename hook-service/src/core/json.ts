/** A JSON value as it travels: parsed, never a class instance. */
export type Json = string | number | boolean | null | Json[] | JsonObject;

/** A JSON object. Fields that a dialect does not know are carried along untouched. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
