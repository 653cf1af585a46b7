import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { readBelonging } from '../core/belonging';
import { EarlyAnswers, type OpenDoor } from '../core/early-answers';
import { ToolturnError } from '../core/errors';
import { isJsonObject, type JsonObject } from '../core/json';
import type { Log } from '../core/ports';
import { DoorCarrier } from './door-carrier';
import type { LineReader } from './lines';
import { parseTold } from './payload';

const ndjson = { 'content-type': 'application/x-ndjson' };
/** Chunks of a model that wait to be read, until no more are taken from the connection. */
const mostWaiting = 64;
/** How long the door may need to end a request that was answered, in milliseconds. */
const endMs = 1_000;

/** The request with which the door hands a turn on: it stays open until the turn is over, and both sides write on it. */
export interface OpenTurn extends OpenDoor {
  /** The rest of a round that LiteLLM streams. */
  readonly chunks: Readable & AsyncIterable<JsonObject>;
}

/** `runs`: the door can ask LiteLLM for us. */
export function openTurn(
  turn: string,
  lines: LineReader,
  { req, res, runs, log }: { req: IncomingMessage; res: ServerResponse; runs: boolean; log: Log },
): OpenTurn {
  const early = new EarlyAnswers();
  const carrier = runs ? new DoorCarrier((line) => writeLine(res, line), req) : undefined;
  const chunks = new Readable({
    objectMode: true,
    highWaterMark: mostWaiting,
    read: () => void req.resume(),
  });
  // It may break off before anybody reads it; where nobody reads it any more the connection goes on.
  chunks.on('error', () => undefined).once('close', () => req.resume());
  lines.follow({
    line(line) {
      const { toolturn } = line;
      if (!isJsonObject(toolturn)) {
        if (!chunks.destroyed && !chunks.push(line)) req.pause();
        return;
      }
      const told = parseTold(toolturn);
      if ('id' in told) carrier?.hear(told);
      else if ('read' in told) chunks.push(null);
      else {
        const at = readBelonging(told.of);
        if (at?.turn === turn) early.tell(at.round, told.response);
      }
    },
    end(error) {
      // Where the door has gone the turn is ended by that.
      if (error !== undefined) log.debug('the door tells no more of a turn', { turn, error });
      if (error === undefined) chunks.push(null);
      else chunks.destroy(error);
      carrier?.lost();
    },
  });
  return { early, chunks, ...(carrier && { carrier }) };
}

function writeLine(res: ServerResponse, line: string): boolean {
  if (res.destroyed || res.writableEnded) return true;
  if (!res.headersSent) res.writeHead(200, ndjson);
  return res.write(line);
}

/** Writes the last line; the connection can be used again only when the request has ended before the answer. */
export function endWith(req: IncomingMessage, res: ServerResponse, line: string): void {
  writeLine(res, line);
  if (req.complete) {
    res.end();
    return;
  }
  const end = (): void => {
    clearTimeout(late);
    res.end();
  };
  const late = setTimeout(end, endMs);
  req.once('end', end).once('close', end);
}

/** Aborted when the door hangs up before the answer is complete. */
export function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new ToolturnError('upstream_failed', 'The caller has gone.'));
  });
  return gone.signal;
}
