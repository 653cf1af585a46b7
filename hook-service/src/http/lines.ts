import type { Readable } from 'node:stream';
import { ToolturnError } from '../core/errors';
import { isJsonObject, type JsonObject } from '../core/json';
import { bodyError } from './body';
import { asToolturnError } from './refuse';

/** Begins a turn's first line, where the request has had another turn before. */
const turnBegins = '>'.charCodeAt(0);

/** A request's lines as they come, for whoever waits for each and for nothing else: without an iterator's ticks. */
export interface LineReader {
  /** Rejects with `ToolturnError` where there is none. */
  readonly first: Promise<JsonObject>;
  /** Gives every line behind a turn's first one. Those that came before this was called come at once. */
  follow(follower: LineFollower): void;
  /** The turn is over: the first line of the next one, or nothing where the request ends. What else comes is of nobody. */
  next(): Promise<JsonObject | undefined>;
}

export interface LineFollower {
  line(line: JsonObject): void;
  /** No more lines come: the request has ended, or broke off. */
  end(error?: ToolturnError): void;
}

/**
 * Reads newline-delimited JSON objects, whatever way the bytes are cut. A line longer than `maxBytes`, or one that is no
 * JSON object, breaks the reading off, as does the request itself.
 */
export function readLines(req: Readable, maxBytes: () => number): LineReader {
  const cutter = new LineCutter(maxBytes);
  let early: JsonObject[] = [];
  let follower: LineFollower | undefined;
  let ended: { readonly error?: ToolturnError } | undefined;
  /** Somebody waits for a turn's first line. */
  let waiting:
    { begin(head: JsonObject): void; none(error?: ToolturnError): void; marked: boolean } | undefined;
  const begin = (head: JsonObject): void => {
    waiting?.begin(head);
    waiting = undefined;
  };
  const take = (bytes: Buffer): void => {
    const isHead = bytes[0] === turnBegins;
    if (waiting?.marked === false) begin(parseLine(bytes));
    else if (waiting !== undefined) {
      if (isHead) begin(parseLine(bytes.subarray(1)));
    } else if (isHead)
      throw new ToolturnError('bad_request', 'A turn begins where the one before it is not over.');
    else if (follower === undefined) early.push(parseLine(bytes));
    else follower.line(parseLine(bytes));
  };
  const end = (error?: ToolturnError): void => {
    if (ended !== undefined) return;
    ended = error === undefined ? {} : { error };
    waiting?.none(error);
    follower?.end(error);
  };
  const broken = (error: unknown): void => {
    req.pause().removeAllListeners('data');
    end(asToolturnError(error));
  };
  const first = new Promise<JsonObject>((resolve, reject) => {
    waiting = {
      begin: resolve,
      none: (error) => reject(error ?? new ToolturnError('bad_request', 'The request has no whole line.')),
      marked: false,
    };
  });
  req.on('data', (piece: Buffer) => {
    try {
      for (const line of cutter.cut(piece)) take(line);
    } catch (error) {
      broken(error);
    }
  });
  req.once('end', () => {
    try {
      const last = cutter.rest();
      if (last.length > 0) take(last);
      end();
    } catch (error) {
      broken(error);
    }
  });
  req.once('error', (cause) => broken(bodyError('request.aborted', cause)));
  return {
    first,
    follow(next) {
      follower = next;
      const told = early;
      early = [];
      for (const line of told) next.line(line);
      if (ended !== undefined) next.end(ended.error);
    },
    next() {
      follower = undefined;
      early = [];
      if (ended !== undefined) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        waiting = { begin: resolve, none: () => resolve(undefined), marked: true };
      });
    },
  };
}

/** Cuts bytes into lines without their ends. Empty ones are left out. */
class LineCutter {
  private pieces: Buffer[] = [];
  private size = 0;

  constructor(private readonly maxBytes: () => number) {}

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
      const most = this.maxBytes();
      if (this.size > most)
        throw new ToolturnError('body_too_large', `A line of the stream is longer than ${most} bytes.`);
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
