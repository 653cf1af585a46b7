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

/** A string as it is; nothing for any other value. For fields that are strings where all is well. */
export function asText(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
