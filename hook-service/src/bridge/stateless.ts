import type { ChildOptions } from './child';
import { discover } from './handshake';
import type { Link, LinkEvents } from './link';
import { reasonOf } from './own-child';
import { Routes } from './routes';
import { cancelledId, isAnswer, isNotification, isRequest, rpcCode, type Message } from './rpc';
import { SharedChild } from './shared-child';

/** A server of an older revision may never answer what it does not know. */
const discoverMs = 15_000;

/**
 * The child for requests of 2026-07-28, which belong to no session: each says in its own `_meta` what it needs. One
 * process serves them all, apart from those with sessions, because a stdio server settles on one of the two eras.
 */
export class Stateless {
  private readonly routes = new Routes();
  private readonly shared: SharedChild;
  private idle: NodeJS.Timeout | undefined;
  private refused = false;
  private users = 0;

  constructor(
    options: ChildOptions,
    private readonly idleMs: number,
  ) {
    this.shared = new SharedChild({
      child: options,
      greet: (child, timeoutMs) => discover(child, Math.min(timeoutMs, discoverMs)),
      keepUp: false,
      onMessage: (message) => this.receive(message),
      onLost: (reason) => this.failAll(`${reason}; it is not known whether the call ran`),
      onReady: () => undefined,
    });
  }

  /** Whether the server speaks 2026-07-28. Found out once, by asking it; throws where it cannot be started at all. */
  async isSpoken(): Promise<boolean> {
    if (this.refused) return false;
    if (this.shared.introduced !== undefined) return true;
    try {
      await this.shared.ready();
      this.rest();
      return true;
    } catch (error) {
      if (this.shared.wasStarted) this.refused = true;
      else throw error;
      return false;
    }
  }

  /** The way of one request, which is all that is ever sent over it. */
  open(events: LinkEvents): Link {
    clearTimeout(this.idle);
    this.users += 1;
    let closed = false;
    return {
      start: async () => void (await this.shared.ready()),
      send: (message) => this.send(events, message),
      close: async () => {
        if (closed) return;
        closed = true;
        this.leave(events);
      },
    };
  }

  close(): Promise<void> {
    clearTimeout(this.idle);
    this.failAll('The bridge is stopping');
    return this.shared.close();
  }

  private send(from: LinkEvents, message: Message): void {
    if (!isRequest(message)) {
      if (isNotification(message) && cancelledId(message) === undefined) this.shared.running?.send(message);
      return;
    }
    const mapped = this.routes.add(from, message);
    this.shared.ready().then(
      (child) => child.send(mapped),
      (error: unknown) => {
        if (this.routes.take(from, message.id) !== undefined) from.onFailed(message.id, reasonOf(error));
      },
    );
  }

  private receive(message: Message): void {
    if (isAnswer(message)) this.routes.answer(message);
    else if (isRequest(message)) {
      // Servers of this revision ask nothing: they answer `input_required`.
      const error = { code: rpcCode.methodNotFound, message: `${message.method} is not available` };
      this.shared.running?.send({ jsonrpc: '2.0', id: message.id, error });
    } else if (!this.routes.notify(message)) {
      // A log line names no request. It must not reach another caller.
      this.routes.single()?.owner.onMessage(message);
    }
  }

  /** Where a caller goes before its answer, the revision takes that as a cancellation. */
  private leave(events: LinkEvents): void {
    for (const { number } of this.routes.takeAll(events)) {
      const params = { requestId: number, reason: 'The client has gone' };
      this.shared.running?.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    }
    this.users -= 1;
    this.rest();
  }

  /** After a while without requests the process ends; the next request starts it again. */
  private rest(): void {
    clearTimeout(this.idle);
    if (this.users === 0) this.idle = setTimeout(() => void this.shared.rest(), this.idleMs);
  }

  private failAll(reason: string): void {
    for (const { route } of this.routes.takeAll()) route.owner.onFailed(route.id, reason);
  }
}
