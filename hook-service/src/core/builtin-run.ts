import { searchLimits, type Reach } from './builtin';
import type { Json, JsonObject } from './json';
import type { Scope, TextStore, ToolResult } from './ports';
import { characterEnd, characterStart, nextPiece } from './result-text';
import { searchAnswer } from './search-answer';

const longestName = 80;

/** A result that holds one text. */
export function textResult(text: string, failure?: ToolResult['failure']): ToolResult {
  return { ...(failure === undefined ? {} : { failure }), content: [{ type: 'text', text }] };
}

/** Runs `search_tools`. */
export function runSearch(reach: Reach, args: JsonObject, maxBytes: number): ToolResult {
  const query = typeof args['query'] === 'string' ? args['query'] : '';
  const server = typeof args['server'] === 'string' && args['server'] !== '' ? args['server'] : undefined;
  if (query.trim() === '' && server === undefined) {
    return textResult('Say in "query" what the tool should do.', 'invalid_arguments');
  }
  if (server !== undefined && !reach.servers().includes(server)) {
    const known = reach.servers().slice(0, 50).join(', ');
    return textResult(
      `There is no server ${server.slice(0, longestName)}. Servers: ${known}.`,
      'invalid_arguments',
    );
  }
  const limit = wholeNumber(args['limit']) ?? searchLimits.usual;
  const found = reach.search(query, Math.min(Math.max(limit, 1), searchLimits.most), server);
  return textResult(searchAnswer(found, maxBytes));
}

/** Runs `read_more`: the next `maxBytes` of a text, and how to get what follows. */
export async function runReadMore(
  texts: TextStore | undefined,
  scope: Scope,
  toolName: string,
  args: JsonObject,
  maxBytes: number,
): Promise<ToolResult> {
  const handle = typeof args['handle'] === 'string' ? args['handle'] : '';
  const offset = Math.max(wholeNumber(args['offset']) ?? 0, 0);
  // A piece ends where a character ends: up to three bytes more tell where that is.
  const piece = isHandle(handle)
    ? await texts?.read(scope, handle, offset, maxBytes + 4).catch(() => undefined)
    : undefined;
  if (piece === undefined) {
    return textResult(
      'There is no text under this handle, or it is no longer kept. If you need it, run the tool again that gave it.',
      'tool_error',
    );
  }
  if (offset >= piece.total) {
    return textResult(`The text ends at ${piece.total}: there is nothing behind it.`, 'invalid_arguments');
  }
  const start = characterStart(piece.bytes, 0);
  const end = characterEnd(piece.bytes, maxBytes);
  const text = Buffer.from(piece.bytes.subarray(start, end)).toString('utf8');
  const next = offset + end;
  const note = next < piece.total ? nextPiece(toolName, handle, next) : 'this is the end of it';
  const place = `[${offset + start} to ${next} of ${piece.total} bytes; ${note}]`;
  return {
    content: [
      { type: 'text', text },
      { type: 'text', text: place },
    ],
    continues: true,
  };
}

/** Handles are made by us and look like this; nothing else is asked of the store. */
function isHandle(text: string): boolean {
  return /^[0-9a-f]{24}$/.test(text);
}

function wholeNumber(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
