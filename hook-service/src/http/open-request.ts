import type { IncomingMessage, ServerResponse } from 'node:http';
import { ToolturnError } from '../core/errors';
import type { JsonObject } from '../core/json';
import type { Log } from '../core/ports';
import { readLines } from './lines';
import { openTurn, type OpenTurn } from './open-turn';

/** Newline-delimited JSON, on the request and on its answer. */
export const ndjson = 'application/x-ndjson';
/** Longer than the door leaves a request without a turn: on one that ends just then a turn would be lost. */
const idleMs = 90_000;
/** How long a door that was told to leave may still begin a turn, because it had not read that yet. */
const leaveMs = 250;

export interface OpenRequestDeps {
  /** The longest line. */
  readonly bodyBytes: () => number;
  /** Aborted when hook-service stops. */
  readonly stop: AbortSignal;
  readonly log: Log;
}

/** A turn on a request that stays open. */
export interface TurnOnRequest {
  /** Aborted when the door hangs up before the turn is over. */
  readonly gone: AbortSignal;
  /** Listens to what the door says behind the turn's first line. To be called once. */
  open(turn: string, runs: boolean): OpenTurn;
}

/**
 * Works on turns over one request of the door's, one after the other: both sides write on it in lines while a turn lasts,
 * and behind its last line the door may begin another one. A request for each would cost each turn its head, its
 * parsers and their ends. `work` gets a turn's first line and gives its last one; where it throws no more turns are read.
 */
export async function eachTurn(
  req: IncomingMessage,
  res: ServerResponse,
  { bodyBytes, stop, log }: OpenRequestDeps,
  work: (head: JsonObject, turn: TurnOnRequest) => Promise<string>,
): Promise<void> {
  const lines = readLines(req, bodyBytes);
  let gone: AbortController | undefined;
  res.once('close', () => gone?.abort(hasGone()));
  const idle = new Idle(req, res, stop);
  try {
    for (let head: JsonObject | undefined = await lines.first; head !== undefined;) {
      const turn = new AbortController();
      gone = turn;
      let opened: OpenTurn | undefined;
      const last = await work(head, {
        gone: turn.signal,
        open: (name, runs) =>
          (opened = openTurn(name, {
            ...{ lines, source: req, runs, log },
            // A request that is given up behind the turn's end would be taken for one of the next turn's.
            write: (line) => void (gone === turn && writeLine(res, line)),
          })),
      });
      gone = undefined;
      writeLine(res, `${last}\n`);
      const next = lines.next();
      // What has not come by now never comes, and would be waited for as long as a turn may last.
      opened?.leave();
      req.resume();
      head = await idle.until(next);
    }
  } finally {
    gone = undefined;
  }
  if (!res.writableEnded) res.end();
}

/** Aborted when the door hangs up before the answer is complete. */
export function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(hasGone());
  });
  return gone.signal;
}

const hasGone = (): ToolturnError => new ToolturnError('upstream_failed', 'The caller has gone.');

function writeLine(res: ServerResponse, line: string): void {
  if (res.destroyed || res.writableEnded) return;
  if (!res.headersSent) res.writeHead(200, { 'content-type': ndjson });
  res.write(line);
}

/** The time in which a request has no turn: it is not kept for ever, nor while hook-service stops. */
class Idle {
  private timer?: NodeJS.Timeout;
  private isIdle = false;

  constructor(
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
    private readonly stop: AbortSignal,
  ) {
    const leave = (): void => this.leave();
    stop.addEventListener('abort', leave, { once: true });
    res.once('close', () => {
      clearTimeout(this.timer);
      stop.removeEventListener('abort', leave);
    });
  }

  async until(next: Promise<JsonObject | undefined>): Promise<JsonObject | undefined> {
    this.isIdle = true;
    if (this.stop.aborted) this.end();
    else if (this.timer === undefined) this.timer = setTimeout(() => this.end(), idleMs).unref();
    else this.timer.refresh();
    const head = await next;
    this.isIdle = false;
    return head;
  }

  private leave(): void {
    if (!this.isIdle) return;
    writeLine(this.res, '>{"leave":true}\n');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), leaveMs);
  }

  private end(): void {
    // The request has no end yet: as a whole one its connection would be used again.
    if (this.isIdle) this.res.end(() => this.req.socket.destroySoon());
  }
}
