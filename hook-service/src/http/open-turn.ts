import { Readable } from 'node:stream';
import { readBelonging } from '../core/belonging';
import { EarlyAnswers, type OpenDoor } from '../core/early-answers';
import { isJsonObject, type JsonObject } from '../core/json';
import type { Log } from '../core/ports';
import { DoorCarrier, type Source } from './door-carrier';
import type { LineReader } from './lines';
import { parseTold } from './payload';

/** Chunks of a model that wait to be read, until no more are taken from the connection. */
const mostWaiting = 64;

/** What the door says of a turn on the request with which it handed it on, and where it is asked there. */
export interface OpenTurn extends OpenDoor {
  /** The rest of a round that LiteLLM streams. */
  readonly chunks: Readable & AsyncIterable<JsonObject>;
  /** The turn has its answer, and the door says nothing more of it: whoever reads on comes to an end. */
  leave(): void;
}

export interface OpenTurnOptions {
  readonly lines: LineReader;
  /** The request, which is read no faster than what it brings. */
  readonly source: Source;
  /** Writes on the request's answer, while the turn lasts. */
  readonly write: (line: string) => void;
  /** The door can ask LiteLLM for us. */
  readonly runs: boolean;
  readonly log: Log;
}

export function openTurn(turn: string, { lines, source, write, runs, log }: OpenTurnOptions): OpenTurn {
  const early = new EarlyAnswers();
  const carrier = runs ? new DoorCarrier(write, source) : undefined;
  const chunks = new Readable({
    objectMode: true,
    highWaterMark: mostWaiting,
    read: () => void source.resume(),
  });
  // It may break off before anybody reads it; where nobody reads it any more the connection goes on.
  chunks.on('error', () => undefined).once('close', () => source.resume());
  lines.follow({
    line(line) {
      const { toolturn } = line;
      if (!isJsonObject(toolturn)) {
        if (!chunks.destroyed && !chunks.push(line)) source.pause();
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
  const leave = (): void => {
    chunks.destroy();
    carrier?.lost();
  };
  return { early, chunks, leave, ...(carrier && { carrier }) };
}
