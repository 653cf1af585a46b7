import type { ServerResponse } from 'node:http';
import { EventChannel, EventMemory, parseEventId } from './event-channel';
import { Exchange } from './exchange';
import type { Backend, Link, LinkEvents } from './link';
import {
  cancelledId,
  isAnswer,
  isRequest,
  rpcCode,
  type Id,
  type Message,
  type RpcAnswer,
  type RpcRequest,
} from './rpc';

/** What the server says unasked waits for a stream: at most this much. */
const backlogLimit = 100;
/** Streams that lost their client and may be asked for again. */
const lostChannelLimit = 16;

export interface HttpSessionOptions {
  readonly id: string;
  readonly backend: Backend;
  /** A session that nobody is connected to ends after this time. */
  readonly idleMs: number;
  /** Called once, whoever ended the session. */
  onEnd(): void;
}

/** One session of streamable HTTP, 2025-03-26 to 2025-11-25. */
export class HttpSession implements LinkEvents {
  readonly id: string;
  private readonly link: Link;
  private readonly memory = new EventMemory();
  private readonly exchanges = new Set<Exchange>();
  private readonly channels = new Map<number, EventChannel>();
  private readonly backlog: Message[] = [];
  private standing: EventChannel | undefined;
  private nextChannel = 1;
  private connections = 0;
  private idle: NodeJS.Timeout | undefined;
  private ended = false;
  private handshake: Id | undefined;
  private version: string | undefined;

  constructor(private readonly options: HttpSessionOptions) {
    this.id = options.id;
    this.link = options.backend.open(this);
    this.rest();
  }

  /** A POST with requests in it. Its answer follows when the server has given it. */
  exchange(
    response: ServerResponse,
    requests: readonly RpcRequest[],
    rest: readonly Message[],
    how: Reading,
  ): void {
    this.watch(response);
    const twice = requests.find(
      ({ id }, at) => this.isTaken(id) || requests.findIndex((each) => each.id === id) < at,
    );
    const channel = this.newChannel();
    const exchange = new Exchange(response, {
      ...how,
      requests,
      channel,
      headers: () => (this.ended ? {} : { 'mcp-session-id': this.id }),
      primes: () => this.version !== undefined && this.version >= '2025-11-25',
      onDone: () => this.exchanges.delete(exchange),
    });
    if (twice !== undefined) {
      exchange.refuse(400, twice.id, 'A request with this id is under way already');
      return;
    }
    this.exchanges.add(exchange);
    for (const message of rest) this.tell(message);
    for (const request of requests) {
      if (request.method === 'initialize') this.handshake = request.id;
      this.link.send(request);
    }
  }

  /** A notification, or an answer to what the server asked. */
  tell(message: Message): void {
    this.rest();
    this.link.send(message);
    const cancelled = cancelledId(message);
    if (cancelled === undefined) return;
    // The server does not answer what was cancelled, and the client's POST would stay open.
    for (const exchange of this.exchanges) exchange.fail(cancelled, 'The request was cancelled');
  }

  /** The GET stream: what the server says unasked, or the rest of a stream that broke. */
  listen(response: ServerResponse, lastEventId: string | undefined): void {
    this.watch(response);
    const from = lastEventId === undefined ? undefined : parseEventId(lastEventId);
    const known = from === undefined ? undefined : this.channels.get(from.channel);
    const headers = { 'mcp-session-id': this.id };
    if (known !== undefined && from !== undefined) {
      known.attach(response, headers, from.number);
      if (known === this.standing) this.catchUp(known);
      return;
    }
    // A second stream takes the place of the first: its client may have lost that one without our noticing.
    this.standing?.end();
    const channel = (this.standing = this.newChannel());
    channel.attach(response, headers);
    this.catchUp(channel);
  }

  onMessage(message: Message): void {
    if (isAnswer(message)) {
      this.notice(message);
      for (const exchange of this.exchanges) if (exchange.waitsFor(message.id)) exchange.answer(message);
      return;
    }
    const exchange = this.exchangeFor(message);
    if (exchange !== undefined) exchange.push(message);
    else if (this.standing?.attached === true) this.standing.send(message);
    else this.keep(message);
  }

  onFailed(id: Id, reason: string): void {
    const isHandshake = this.handshake === id && this.version === undefined;
    for (const exchange of this.exchanges) {
      if (!exchange.waitsFor(id)) continue;
      if (isHandshake) exchange.refuse(503, id, reason);
      else exchange.fail(id, reason);
    }
    if (isHandshake) void this.end();
  }

  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.idle);
    this.options.onEnd();
    const closing = this.link.close();
    this.standing?.end();
    for (const channel of this.channels.values()) channel.end();
    await closing;
  }

  /** Learns the revision from the handshake. One that the server refuses makes no session. */
  private notice(answer: RpcAnswer): void {
    if (answer.id !== this.handshake || this.version !== undefined) return;
    const version = answer.result?.['protocolVersion'];
    if (answer.error !== undefined) void Promise.resolve().then(() => this.end());
    else this.version = typeof version === 'string' ? version : '';
  }

  /** Progress goes where it belongs; what the server asks goes to the newest call, which is most likely why it asks. */
  private exchangeFor(message: Message): Exchange | undefined {
    const open = [...this.exchanges].filter((exchange) => exchange.takesEvents).reverse();
    if ('method' in message && message.method === 'notifications/progress') {
      const token = message.params?.['progressToken'];
      const own = open.find((exchange) => exchange.hasToken(token));
      if (own !== undefined) return own;
    }
    if (isRequest(message) || this.standing?.attached !== true) return open[0];
    return undefined;
  }

  private catchUp(channel: EventChannel): void {
    for (const message of this.backlog.splice(0)) channel.send(message);
  }

  private keep(message: Message): void {
    this.backlog.push(message);
    if (this.backlog.length <= backlogLimit) return;
    const oldest = this.backlog.shift();
    if (oldest === undefined || !isRequest(oldest)) return;
    const error = { code: rpcCode.server, message: 'The client does not listen' };
    this.link.send({ jsonrpc: '2.0', id: oldest.id, error });
  }

  private isTaken(id: Id): boolean {
    for (const exchange of this.exchanges) if (exchange.waitsFor(id)) return true;
    return false;
  }

  private newChannel(): EventChannel {
    const channel = new EventChannel(this.nextChannel, this.memory);
    this.nextChannel += 1;
    this.channels.set(channel.id, channel);
    for (const [id, each] of this.channels) {
      if (this.channels.size <= lostChannelLimit + this.exchanges.size) break;
      if (!each.attached && each !== channel && each !== this.standing) this.channels.delete(id);
    }
    return channel;
  }

  /** A session is in use for as long as its client is connected. */
  private watch(response: ServerResponse): void {
    this.connections += 1;
    clearTimeout(this.idle);
    response.once('close', () => {
      this.connections -= 1;
      this.rest();
    });
  }

  private rest(): void {
    clearTimeout(this.idle);
    if (this.ended || this.connections > 0) return;
    this.idle = setTimeout(() => void this.end(), this.options.idleMs);
  }
}

/** How the client reads the answer to a POST. */
export interface Reading {
  readonly batch: boolean;
  readonly acceptsEvents: boolean;
}
