import type { Json } from './json';

/**
 * Repairs of the text that a model wrote as arguments. Each one has a single reading: what could be meant in two ways
 * stays as it is and is refused.
 */

/** Stands for "this cannot be read". `undefined` is no JSON value. */
export type Read = Json | undefined;

/** A text is unwrapped from quotes at most so often: `"\"{}\""`. */
const mostLayers = 2;

/** The JSON value in a text, repaired where that is safe; undefined where there is none. */
export function readLenient(text: string): Read {
  try {
    return unwrapped(readText(text), mostLayers);
  } catch {
    // Values inside of values without end: to write them down again takes more stack than there is.
    return undefined;
  }
}

/** JSON that was written as a JSON string is the JSON in that string. */
function unwrapped(value: Read, layers: number): Read {
  if (typeof value !== 'string' || layers === 0) return value;
  const inner = value.trim() === '' ? {} : readText(value);
  return inner === undefined ? value : unwrapped(inner, layers - 1);
}

function readText(text: string): Read {
  const bare = withoutFence(text.replace(/^\uFEFF/, '').trim());
  const asWritten = parseJson(bare);
  if (asWritten !== undefined) return asWritten;
  const mended = mend(bare);
  return (mended === bare ? undefined : parseJson(mended)) ?? onceOnly(mended);
}

/** A Markdown fence around the whole text. */
function withoutFence(text: string): string {
  if (!text.startsWith('```') || !text.endsWith('```') || text.length < 6) return text;
  const inner = text.slice(3, -3);
  // The word behind the fence names the language.
  return inner.replace(/^(?:json5?|jsonc|javascript|js)?\s+/i, '').trim();
}

/** Without commas before a closing bracket, and with control characters inside of strings escaped. */
function mend(text: string): string {
  const pieces: string[] = [];
  let from = 0;
  let inString = false;
  // Where the last comma stands that has only white space behind it so far.
  let comma = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
      else if (code < 0x20) {
        pieces.push(text.slice(from, i), JSON.stringify(text[i]).slice(1, -1));
        from = i + 1;
      }
    } else if (code === 0x22) {
      inString = true;
      comma = -1;
    } else if (code === 0x2c) {
      comma = comma === -1 ? i : -1;
    } else if (code === 0x7d || code === 0x5d) {
      if (comma !== -1) {
        pieces.push(text.slice(from, comma));
        from = comma + 1;
      }
      comma = -1;
    } else if (code > 0x20) comma = -1;
  }
  return from === 0 ? text : pieces.join('') + text.slice(from);
}

/**
 * One value that was written several times in a row: some models repeat a call's arguments, and some providers write
 * `{}` before the real ones.
 */
function onceOnly(text: string): Read {
  const parts = objectsIn(text);
  if (parts === undefined || parts.length < 2) return undefined;
  const values = parts.map(parseJson);
  if (values.some((value) => value === undefined)) return undefined;
  const distinct = new Map(values.map((value) => [JSON.stringify(value), value]));
  if (distinct.size === 1) return values[0];
  const placeholder = JSON.stringify(values[0]) === '{}';
  distinct.delete('{}');
  return placeholder && distinct.size === 1 ? [...distinct.values()][0] : undefined;
}

/** The objects that a text is made of; undefined where it holds anything else. */
function objectsIn(text: string): string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let inString = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
    } else if (depth === 0 && code !== 0x7b) {
      if (code > 0x20) return undefined;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (depth === 0) from = i;
      depth += 1;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth === 0) parts.push(text.slice(from, i + 1));
    }
  }
  return depth === 0 && !inString ? parts : undefined;
}

function parseJson(text: string): Read {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
