import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../core/json';
import type { EventChannel } from './event-channel';
import { errorAnswer, idKey, rpcCode, type Id, type Message, type RpcAnswer, type RpcRequest } from './rpc';

export interface ExchangeOptions {
  readonly requests: readonly RpcRequest[];
  readonly batch: boolean;
  readonly acceptsEvents: boolean;
  readonly channel: EventChannel;
  headers(): Record<string, string>;
  /** Give event streams an event to resume from. */
  primes(): boolean;
  /** The HTTP status of an answer that goes out as JSON; 200 unless given. */
  statusOf?(answer: RpcAnswer): number;
  onDone(): void;
  /** The connection was lost before the answer was complete. */
  onGone?(): void;
}

/** After this time the head goes out and the answer becomes a stream: clients wait for a head at most some minutes. */
const decideMs = 5_000;

/**
 * The answer to one POST. A plain answer goes out as JSON; as soon as something else belongs to it (progress, a
 * question of the server) or it takes long, it becomes an event stream.
 */
export class Exchange {
  private readonly waiting: Map<string, Id>;
  private readonly answers: JsonObject[] = [];
  private readonly timer: NodeJS.Timeout | undefined;
  private streaming = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: ExchangeOptions,
  ) {
    this.waiting = new Map(options.requests.map(({ id }) => [idKey(id), id]));
    const isHandshake = options.requests.some(({ method }) => method === 'initialize');
    // A handshake that fails is an HTTP status, so its head has to wait.
    if (options.acceptsEvents && !isHandshake) this.timer = setTimeout(() => this.stream(), decideMs);
    response.once('close', () => {
      clearTimeout(this.timer);
      if (this.waiting.size > 0) options.onGone?.();
    });
  }

  get takesEvents(): boolean {
    return this.options.acceptsEvents && (this.streaming || !this.response.destroyed);
  }

  waitsFor(id: Id): boolean {
    return this.waiting.has(idKey(id));
  }

  hasToken(token: unknown): boolean {
    return this.options.requests.some((request) => {
      const meta = request.params?.['_meta'] as JsonObject | undefined;
      return this.waitsFor(request.id) && meta?.['progressToken'] === token;
    });
  }

  /** Something that belongs to this exchange and is no answer. */
  push(message: Message): void {
    this.stream();
    this.options.channel.send(message);
  }

  answer(answer: RpcAnswer): void {
    if (!this.waiting.delete(idKey(answer.id))) return;
    this.give(answer as unknown as JsonObject, this.options.statusOf?.(answer));
  }

  fail(id: Id, reason: string): void {
    if (!this.waiting.delete(idKey(id))) return;
    this.give(errorAnswer(id, rpcCode.server, reason));
  }

  /** Answers with an HTTP status of its own, where nothing was sent yet. */
  refuse(status: number, id: Id, reason: string): void {
    this.waiting.clear();
    this.finish();
    sendJson(this.response, status, errorAnswer(id, rpcCode.server, reason), this.options.headers());
  }

  private give(answer: JsonObject, status = 200): void {
    if (this.streaming) this.options.channel.send(answer);
    else this.answers.push(answer);
    if (this.waiting.size > 0) return;
    this.finish();
    if (this.streaming) this.options.channel.end();
    else {
      const body = this.options.batch ? this.answers : this.answers[0];
      sendJson(this.response, status, body, this.options.headers());
    }
  }

  private finish(): void {
    clearTimeout(this.timer);
    this.options.onDone();
  }

  private stream(): void {
    if (this.streaming || !this.options.acceptsEvents) return;
    this.streaming = true;
    clearTimeout(this.timer);
    if (!this.response.destroyed) {
      this.options.channel.attach(this.response, this.options.headers());
      if (this.options.primes()) this.options.channel.prime();
    }
    for (const answer of this.answers.splice(0)) this.options.channel.send(answer);
  }
}

/** One JSON answer. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
