import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../core/json';
import type { Message } from './rpc';

/** Proxies and clients give up on a stream that says nothing. */
const keepAliveMs = 15_000;
/** A reader that is this far behind is not reading any more. */
const unreadLimit = 64 * 1024 * 1024;
const kept = { events: 256, characters: 4_000_000 };

interface KeptEvent {
  readonly channel: number;
  readonly number: number;
  readonly data: string;
}

/** The latest events of one session, for clients that come back with `Last-Event-ID`. Bounded in number and size. */
export class EventMemory {
  private readonly events: KeptEvent[] = [];
  private size = 0;

  keep(event: KeptEvent): void {
    this.events.push(event);
    this.size += event.data.length;
    while (this.events.length > kept.events || (this.size > kept.characters && this.events.length > 0)) {
      this.size -= this.events.shift()?.data.length ?? 0;
    }
  }

  after(channel: number, number: number): KeptEvent[] {
    return this.events.filter((event) => event.channel === channel && event.number > number);
  }
}

/** One server-sent event stream. It may lose its connection and get another one. */
export class EventChannel {
  private response: ServerResponse | undefined;
  private timer: NodeJS.Timeout | undefined;
  private last = 0;
  private done = false;

  constructor(
    readonly id: number,
    private readonly memory: EventMemory,
  ) {}

  get attached(): boolean {
    return this.response !== undefined;
  }

  /** Writes to this response from now on. With `after` it starts with what came after that event. */
  attach(response: ServerResponse, headers: Record<string, string>, after?: number): void {
    this.detach();
    openEventStream(response, headers);
    this.response = response;
    this.timer = setInterval(() => this.write(': keep-alive\n\n'), keepAliveMs);
    response.once('close', () => {
      if (this.response === response) this.detach();
    });
    if (after === undefined) return;
    for (const event of this.memory.after(this.id, after)) this.write(this.format(event));
    if (this.done) this.end();
  }

  /** An event without content, by which clients learn where to resume (2025-11-25). */
  prime(): void {
    this.write(`id: ${this.id}-0\ndata: \n\n`);
  }

  send(message: Message | JsonObject): void {
    const event = { channel: this.id, number: (this.last += 1), data: JSON.stringify(message) };
    this.memory.keep(event);
    this.write(this.format(event));
  }

  /** Nothing more will come. */
  end(): void {
    this.done = true;
    const response = this.response;
    this.detach();
    response?.end();
  }

  private detach(): void {
    clearInterval(this.timer);
    this.response = undefined;
  }

  private format(event: KeptEvent): string {
    return `event: message\nid: ${event.channel}-${event.number}\ndata: ${event.data}\n\n`;
  }

  private write(text: string): void {
    writeEvent(this.response, text);
  }
}

/** The head of an event stream. */
export function openEventStream(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
}

/** Writes what stands ready; a reader that does not read loses its connection. */
export function writeEvent(response: ServerResponse | undefined, text: string): void {
  if (response === undefined || response.destroyed || response.writableEnded) return;
  response.write(text);
  if (response.writableLength > unreadLimit) response.destroy();
}

/** The parts of a `Last-Event-ID` that this bridge gave out. */
export function parseEventId(text: string): { channel: number; number: number } | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  return match === null ? undefined : { channel: Number(match[1]), number: Number(match[2]) };
}
