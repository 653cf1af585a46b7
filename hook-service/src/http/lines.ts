import { ToolturnError } from '../core/errors';
import { isJsonObject, type JsonObject } from '../core/json';

/**
 * Reads newline-delimited JSON objects from a byte stream, whatever way it is cut. A line longer than `maxBytes`
 * or one that is no JSON object throws `ToolturnError`.
 */
export async function* jsonLines(bytes: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<JsonObject> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      pieces.push(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(pieces);
      pieces = [];
      size = 0;
      if (line.length > 0) yield parseLine(line);
    }
    if (from < chunk.length) {
      pieces.push(chunk.subarray(from));
      size += chunk.length - from;
      if (size > maxBytes)
        throw new ToolturnError('body_too_large', `A line of the stream is longer than ${maxBytes} bytes.`);
    }
  }
  const last = Buffer.concat(pieces);
  if (last.length > 0) yield parseLine(last);
}

function parseLine(line: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw new ToolturnError('bad_request', 'A line of the stream is not valid JSON.', { cause: error });
  }
  if (isJsonObject(value)) return value;
  throw new ToolturnError('bad_request', 'A line of the stream is no JSON object.');
}
