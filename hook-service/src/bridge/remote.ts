import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../core/json';
import { idHeader } from '../core/mcp-endpoint';
import { createHttpClient, ExchangeFailure, type Exchange, type HttpClient } from '../wire/http-client';
import { withEnvelope } from '../mcp/http-headers';
import { explainRemote, isRefusedKey, needsSession } from './remote-problem';
import { BadStatus, readReply } from './remote-reply';
import {
  cancelledId,
  errorAnswer,
  idKey,
  isAnswer,
  isRequest,
  rpcCode,
  type Id,
  type Message,
  type RpcNotification,
  type RpcRequest,
} from './rpc';
import { RemoteListener } from './remote-listener';

/** An address that may serve MCP. */
export interface RemoteTarget {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Said once, when it is this one that is used. */
  readonly note?: string;
  /** True behind LiteLLM's pass-through, which loses ids of messages and hands on nothing before the end of a reply. */
  readonly isPassedThrough?: true;
}

export interface RemoteOptions {
  /** In the order in which they are tried: the next one where one answers 404 or 405. */
  readonly targets: readonly [RemoteTarget, ...RemoteTarget[]];
  readonly maxMessageBytes: number;
  /** How long a request waits for a far side that does not listen. */
  readonly waitMs: number;
  /** A message for the client. */
  write(message: Message | JsonObject): void;
  /** A line for the person who runs the client. */
  say(line: string): void;
}

const retryPause = { firstMs: 100, mostMs: 1_000 };
const endSessionMs = 1_000;
/** Asking again does no harm, whether or not the first one arrived. */
const repeatable =
  /\/(list|read|get|templates\/list)$|^(ping|initialize|server\/discover|completion\/complete)$/;

interface Session {
  readonly id?: string;
  readonly version?: string;
}

/**
 * The client's end of a streamable HTTP server, as a pump: what the client writes goes to the server, and back. When
 * the server forgets the session, the client's handshake is repeated without its noticing.
 */
export class Remote {
  private target: RemoteTarget;
  private readonly http: HttpClient;
  private session: Session = {};
  private handshake: RpcRequest | undefined;
  private renewing: Promise<void> | undefined;
  private readonly open = new Map<string, Exchange | undefined>();
  private readonly listener: RemoteListener;
  private settled = false;
  private lastSaid: string | undefined;
  private closed = false;

  constructor(private readonly options: RemoteOptions) {
    [this.target] = options.targets;
    this.http = createHttpClient(this.target.url, { maxSockets: 64 });
    this.listener = new RemoteListener({
      open: (lastEventId) =>
        this.http.open({
          method: 'GET',
          url: this.target.url,
          headers: {
            ...this.headers(),
            accept: 'text/event-stream',
            ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
          },
        }),
      maxMessageBytes: options.maxMessageBytes,
      onMessage: (message) => options.write(message),
      onLost: () => void this.renew(this.session).catch(() => undefined),
    });
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.open.size;
  }

  /** Sends one message. Resolves when the next one may follow; never rejects. */
  async accept(message: Message): Promise<void> {
    if (isRequest(message)) {
      const done = this.request(message);
      // Nothing may overtake the handshake.
      if (message.method === 'initialize') await done;
      return;
    }
    await this.tell(message);
  }

  /** Ends the session and everything under way. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.listener.close();
    for (const exchange of this.open.values()) exchange?.abort();
    if (this.session.id !== undefined) {
      const goodbye = this.http.open({ method: 'DELETE', url: this.target.url, headers: this.headers() });
      const late = new AbortController();
      await Promise.race([
        goodbye.answer.catch(() => undefined),
        pause(endSessionMs, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
      late.abort();
    }
    this.http.close();
  }

  private async request(message: RpcRequest): Promise<void> {
    const key = idKey(message.id);
    if (message.method === 'initialize') {
      this.handshake = message;
      this.session = {};
    }
    this.open.set(key, undefined);
    try {
      await this.insist(message);
    } catch (error) {
      if (!this.closed && this.open.has(key)) this.refuse(message.id, error);
    } finally {
      this.open.delete(key);
    }
  }

  /** Sends a request until it is answered, as long as it is certain that it did not run before. */
  private async insist(message: RpcRequest): Promise<void> {
    const until = Date.now() + this.options.waitMs;
    let delay = retryPause.firstMs;
    let renewed = false;
    let repeated = false;
    for (;;) {
      const session = this.session;
      try {
        await this.post(message, (each) => this.deliver(each), message.id);
        return;
      } catch (error) {
        if (this.closed || !this.open.has(idKey(message.id))) throw error;
        if (needsSession(error, session.id !== undefined) && this.handshake !== undefined && !renewed) {
          renewed = await this.renewed(session);
        } else if (this.tryNextTarget(error)) {
          continue;
        } else if (error instanceof ExchangeFailure && !error.sent && Date.now() < until) {
          await pause(delay);
          delay = Math.min(2 * delay, retryPause.mostMs);
        } else if (error instanceof ExchangeFailure && repeatable.test(message.method) && !repeated) {
          repeated = true;
        } else throw error;
      }
    }
  }

  /** False where the far side does not listen right now: then the request itself has to wait for it. */
  private async renewed(lost: Session): Promise<boolean> {
    try {
      await this.renew(lost);
      return true;
    } catch (error) {
      if (error instanceof ExchangeFailure && !error.sent) return false;
      throw error;
    }
  }

  private async tell(message: Message): Promise<void> {
    const cancelled = cancelledId(message);
    const session = this.session;
    try {
      await this.post(message, (each) => this.options.write(each));
    } catch (error) {
      // Nobody waits for an answer; the next request finds out and says so.
      if (needsSession(error, session.id !== undefined)) await this.renew(session).catch(() => undefined);
    }
    if (cancelled !== undefined) this.abandon(cancelled);
    if (!isAnswer(message) && message.method === 'notifications/initialized') this.listen();
  }

  /** What was cancelled may never be answered, and its connection would stay open. */
  private abandon(id: Id): void {
    const exchange = this.open.get(idKey(id));
    this.open.delete(idKey(id));
    exchange?.abort();
  }

  private async post(message: Message, onMessage: (message: Message) => void, id?: Id): Promise<void> {
    const isHandshake = isRequest(message) && message.method === 'initialize';
    const exchange = this.http.open({
      method: 'POST',
      url: this.target.url,
      headers: withEnvelope(
        {
          ...(isHandshake ? this.target.headers : this.headers()),
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(this.target.isPassedThrough === true ? idInHeader(message) : {}),
        },
        message as Parameters<typeof withEnvelope>[1],
      ),
      body: JSON.stringify(message),
    });
    if (id !== undefined && this.open.has(idKey(id))) this.open.set(idKey(id), exchange);
    const reply = await exchange.answer;
    const head = reply.headers['mcp-session-id'];
    let end = await readReply(reply, id, this.options.maxMessageBytes, (each) => {
      // Before the answer is handed on: the client may follow it up at once.
      if (isHandshake && isAnswer(each) && each.result !== undefined) this.begin(head, each.result);
      onMessage(each);
    });
    this.confirm();
    for (let attempt = 0; id !== undefined && !end.answered; attempt += 1) {
      if (end.lastEventId === undefined || attempt === 3) throw new ExchangeFailure('stream_ended', true);
      const again = this.http.open({
        method: 'GET',
        url: this.target.url,
        headers: { ...this.headers(), accept: 'text/event-stream', 'last-event-id': end.lastEventId },
      });
      if (this.open.has(idKey(id))) this.open.set(idKey(id), again);
      end = { ...end, ...(await readReply(await again.answer, id, this.options.maxMessageBytes, onMessage)) };
    }
  }

  private begin(id: string | string[] | undefined, result: JsonObject): void {
    const version = result['protocolVersion'];
    this.session = {
      ...(typeof id === 'string' && id !== '' && { id }),
      ...(typeof version === 'string' && { version }),
    };
  }

  /** A new session in place of one that is gone; one handshake, however many ask for it. */
  private renew(lost: Session): Promise<void> {
    if (this.session !== lost || this.handshake === undefined || this.closed) {
      return this.renewing ?? Promise.resolve();
    }
    this.renewing ??= this.shakeAgain(this.handshake).finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  private async shakeAgain(handshake: RpcRequest): Promise<void> {
    this.listener.pause();
    const id = 'toolturn-again';
    await this.post({ ...handshake, id }, () => undefined, id);
    const initialized: RpcNotification = { jsonrpc: '2.0', method: 'notifications/initialized' };
    await this.post(initialized, (each) => this.options.write(each));
    this.listen();
    // What was listed before the restart may have changed.
    this.options.write({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  }

  /** Servers without sessions have nothing to say unasked; and a stream without an end would never be handed on. */
  private listen(): void {
    if (this.target.isPassedThrough === true) return;
    if (this.session.id !== undefined && !this.closed) this.listener.listen();
  }

  private deliver(message: Message): void {
    if (isAnswer(message)) {
      // Cancelled in the meantime.
      if (!this.open.delete(idKey(message.id))) return;
    }
    this.options.write(message);
  }

  private tryNextTarget(error: unknown): boolean {
    if (this.settled || !(error instanceof BadStatus) || ![404, 405].includes(error.status)) return false;
    // Whoever answers in JSON-RPC is there.
    if (error.answerTo(0) !== undefined) return false;
    const next = this.options.targets[this.options.targets.indexOf(this.target) + 1];
    if (next === undefined) return false;
    this.target = next;
    return true;
  }

  /** The target works: no other one is looked for any more. */
  private confirm(): void {
    this.lastSaid = undefined;
    if (this.settled) return;
    this.settled = true;
    if (this.target.note !== undefined) this.options.say(this.target.note);
  }

  private refuse(id: Id, error: unknown): void {
    this.open.delete(idKey(id));
    const answer = error instanceof BadStatus && !isRefusedKey(error) ? error.answerTo(id) : undefined;
    if (answer !== undefined) {
      this.options.write(answer);
      return;
    }
    const reason = explainRemote(error, this.target.url);
    // One line per trouble, not one per request.
    if (this.lastSaid !== reason) this.options.say(reason);
    this.lastSaid = reason;
    this.options.write(errorAnswer(id, rpcCode.server, reason));
  }

  private headers(): Record<string, string> {
    const { id, version } = this.session;
    return {
      ...this.target.headers,
      ...(id === undefined ? {} : { 'mcp-session-id': id }),
      ...(version === undefined ? {} : { 'mcp-protocol-version': version }),
    };
  }
}

function idInHeader(message: Message): Record<string, string> {
  const id = isRequest(message) || isAnswer(message) ? message.id : undefined;
  return id === undefined ? {} : { [idHeader]: encodeURIComponent(JSON.stringify(id)) };
}
