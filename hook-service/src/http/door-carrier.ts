import { Readable } from 'node:stream';
import { ToolturnError } from '../core/errors';
import type { Carried, CarriedAnswer, CarriedRequest, Carrier } from '../core/ports';
import type { ToldPart } from './payload';

/** What is paused while more of an answer waits to be read than is good. */
export interface Source {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Asks LiteLLM by way of the door, which handed the turn on and is in LiteLLM: a request is a line that begins with `>`,
 * its head as JSON and behind a tab its body, and the answer comes in lines of the door's. LiteLLM gets it as it would over
 * HTTP, without a connection, its parser and the wait for both.
 */
export class DoorCarrier implements Carrier {
  private readonly asked = new Map<number, Asked>();
  private last = 0;
  private isLost = false;

  constructor(
    private readonly write: (line: string) => void,
    private readonly source: Source,
  ) {}

  open({ url, headers, body }: CarriedRequest): Carried {
    const id = (this.last += 1);
    const answer = new DoorAnswer(this.source);
    const began = new Promise<CarriedAnswer>((resolve, reject) => {
      this.asked.set(id, { answer, resolve: () => resolve(answer), reject });
    });
    if (this.isLost) this.end(id, 'The door has gone.');
    else {
      const path = `${url.pathname}${url.search}`;
      const head = { id, path, headers: { ...headers, host: url.host } };
      this.write(`>${JSON.stringify(head)}\t${body}\n`);
    }
    return {
      answer: began,
      abort: () => {
        if (!this.asked.has(id)) return;
        this.write(`>${JSON.stringify({ drop: id })}\n`);
        this.end(id, 'The request was given up.');
      },
    };
  }

  /** A part of an answer has come. */
  hear({ id, status, headers, piece, end, broken }: ToldPart): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return;
    const { answer } = asked;
    if (status !== undefined) {
      answer.statusCode = status;
      answer.headers = headers ?? {};
      asked.resolve();
    }
    if (piece !== undefined && piece !== '') answer.add(piece);
    if (broken === true) this.end(id, 'LiteLLM broke the answer off.');
    else if (end === true) {
      this.asked.delete(id);
      answer.push(null);
    }
  }

  /** The door says nothing any more: it has gone, or the turn is over. */
  lost(): void {
    this.isLost = true;
    for (const id of [...this.asked.keys()]) this.end(id, 'The door has gone.');
  }

  private end(id: number, why: string): void {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    const error = new ToolturnError('upstream_failed', why);
    asked?.reject(error);
    asked?.answer.destroy(error);
  }
}

interface Asked {
  readonly answer: DoorAnswer;
  readonly resolve: () => void;
  readonly reject: (error: ToolturnError) => void;
}

class DoorAnswer extends Readable implements CarriedAnswer {
  statusCode: number | undefined;
  headers: Readonly<Record<string, string>> = {};

  constructor(private readonly source: Source) {
    super();
    // It may break off before anybody reads it.
    this.on('error', () => undefined).once('close', () => source.resume());
  }

  add(piece: string): void {
    if (!this.destroyed && !this.push(piece)) this.source.pause();
  }

  override _read(): void {
    this.source.resume();
  }
}
