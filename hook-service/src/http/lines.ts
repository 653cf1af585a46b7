import type { IncomingMessage } from 'node:http';
import { ToolturnError } from '../core/errors';
import { isJsonObject, type JsonObject } from '../core/json';
import { bodyError } from './body';
import { asToolturnError } from './refuse';

/**
 * Reads newline-delimited JSON objects from a byte stream, whatever way it is cut. A line longer than `maxBytes`
 * or one that is no JSON object throws `ToolturnError`.
 */
export async function* jsonLines(bytes: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<JsonObject> {
  const lines = new LineCutter(maxBytes);
  for await (const piece of bytes) for (const line of lines.cut(piece)) yield parseLine(line);
  const last = lines.rest();
  if (last.length > 0) yield parseLine(last);
}

/** The lines of a request as they come, for whoever waits for each and for nothing else: without an iterator's ticks. */
export interface LineReader {
  readonly first: Promise<JsonObject>;
  /** Gets every line behind the first one. */
  onLine: (line: JsonObject) => void;
}

/** Reads a request's lines. `first` rejects with `ToolturnError` where there is none; what breaks behind it is told. */
export function readLines(
  req: IncomingMessage,
  maxBytes: number,
  onBroken: (error: ToolturnError) => void,
): LineReader {
  const lines = new LineCutter(maxBytes);
  const reader: LineReader = { first: first(), onLine: () => undefined };
  return reader;

  function first(): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      let isFirst = true;
      const broken = (error: ToolturnError): void => {
        req.pause().removeAllListeners('data');
        if (isFirst) reject(error);
        else onBroken(error);
      };
      req.on('data', (piece: Buffer) => {
        try {
          for (const line of lines.cut(piece)) {
            if (isFirst) resolve(parseLine(line));
            else reader.onLine(parseLine(line));
            isFirst = false;
          }
        } catch (error) {
          broken(asToolturnError(error));
        }
      });
      req.once('end', () => {
        if (isFirst) broken(new ToolturnError('bad_request', 'The request has no whole line.'));
      });
      req.once('error', (cause) => broken(bodyError('request.aborted', cause)));
    });
  }
}

/** Cuts bytes into lines without their ends. Empty ones are left out. */
class LineCutter {
  private pieces: Buffer[] = [];
  private size = 0;

  constructor(private readonly maxBytes: number) {}

  *cut(bytes: Buffer): Generator<Buffer> {
    let from = 0;
    for (let end = bytes.indexOf(10, from); end !== -1; end = bytes.indexOf(10, from)) {
      this.pieces.push(bytes.subarray(from, end));
      from = end + 1;
      const line = this.rest();
      if (line.length > 0) yield line;
    }
    if (from < bytes.length) {
      this.pieces.push(bytes.subarray(from));
      this.size += bytes.length - from;
      if (this.size > this.maxBytes)
        throw new ToolturnError(
          'body_too_large',
          `A line of the stream is longer than ${this.maxBytes} bytes.`,
        );
    }
  }

  /** What stands behind the last line's end. */
  rest(): Buffer {
    const [only] = this.pieces;
    const rest = only !== undefined && this.pieces.length === 1 ? only : Buffer.concat(this.pieces);
    this.pieces = [];
    this.size = 0;
    return rest;
  }
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
