import { readLenient } from './argument-repair';
import { isJsonObject, type Json, type JsonObject } from './json';

/** The arguments of a call: an object, or the reason why they are none, in words the model can use. */
export type ParsedArguments =
  { readonly ok: true; readonly value: JsonObject } | { readonly ok: false; readonly reason: string };

/** Longer arguments are not read, and neither are values inside values inside values beyond this. */
const argumentLimits = { length: 4_000_000, depth: 200 } as const;

/**
 * Reads what the model wrote as arguments. Nothing at all, white space and null mean `{}`, as for a tool without
 * parameters. What has one possible meaning is repaired: a Markdown fence, trailing commas, an object written twice, an
 * object written as a string, line breaks inside of strings. Never throws.
 */
export function parseArguments(written: string): ParsedArguments {
  if (written.length > argumentLimits.length) {
    return refused(`the arguments are longer than ${argumentLimits.length} characters`);
  }
  if (written.trim() === '') return { ok: true, value: {} };
  const value = readLenient(written);
  if (value === undefined) return refused(`the arguments are not valid JSON (${syntaxError(written)})`);
  if (value === null) return { ok: true, value: {} };
  if (isJsonObject(value)) return boundArguments(value);
  return refused(
    `the arguments must be a JSON object, but they are ${Array.isArray(value) ? 'an array' : `a ${typeof value}`}`,
  );
}

/** Arguments that are an object already, unless they are nested too deep. */
export function boundArguments(value: JsonObject): ParsedArguments {
  return nestsDeeper(value, argumentLimits.depth)
    ? refused(`the arguments are nested deeper than ${argumentLimits.depth} levels`)
    : { ok: true, value };
}

function refused(reason: string): ParsedArguments {
  return { ok: false, reason };
}

function syntaxError(written: string): string {
  try {
    JSON.parse(written);
    return 'more than one value';
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).slice(0, 200);
  }
}

/** True where a value holds values more than `depth` levels down. */
function nestsDeeper(value: Json | undefined, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  return Object.values(value).some((inner) => nestsDeeper(inner, depth - 1));
}

/**
 * Watches a JSON object being written piece by piece and says when it is complete, so that a call can start
 * while the model goes on writing. Only braces outside of strings count; what is no object never completes.
 */
export class JsonObjectWatcher {
  private depth = 0;
  private inString = false;
  private escaped = false;
  private length = 0;
  private begun = false;
  private isObject = false;
  private done = false;

  /** True once the outermost brace has closed. `{}` alone does not count: some providers write it as a placeholder first. */
  get complete(): boolean {
    return this.done && this.length > 2;
  }

  push(piece: string): void {
    for (let i = 0; i < piece.length && !this.done; i++) this.step(piece.charCodeAt(i));
  }

  private step(code: number): void {
    if (!this.begun) {
      const blank = code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
      if (blank) return;
      this.begun = true;
      this.isObject = code === 0x7b;
    }
    if (!this.isObject) return;
    this.length += 1;
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (code === 0x5c) this.escaped = true;
      else if (code === 0x22) this.inString = false;
      return;
    }
    if (code === 0x22) this.inString = true;
    else if (code === 0x7b || code === 0x5b) this.depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      this.depth -= 1;
      if (this.depth === 0) this.done = true;
    }
  }
}
