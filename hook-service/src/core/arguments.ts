import { isJsonObject, type JsonObject } from './json';

/** The arguments of a call: an object, or the reason why they are none, in words the model can use. */
export type ParsedArguments =
  { readonly ok: true; readonly value: JsonObject } | { readonly ok: false; readonly reason: string };

/** Reads what the model wrote as arguments. Nothing at all means `{}`, as for a tool without parameters. */
export function parseArguments(written: string): ParsedArguments {
  if (written.trim() === '') return { ok: true, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: `the arguments are not valid JSON (${detail.slice(0, 200)})` };
  }
  if (isJsonObject(value)) return { ok: true, value };
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  return { ok: false, reason: `the arguments must be a JSON object, but they are ${kind}` };
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
