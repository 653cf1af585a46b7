import type { JsonObject } from '../core/json';
import type { Child, ChildOptions } from './child';
import { initialize, legacyVersions } from './handshake';
import { inFlightLimit, type Backend, type BackendHealth, type Link, type LinkEvents } from './link';
import { reasonOf } from './own-child';
import { Routes } from './routes';
import {
  cancelledId,
  isAnswer,
  isRequest,
  rpcCode,
  type Message,
  type RpcNotification,
  type RpcRequest,
} from './rpc';
import { SharedChild } from './shared-child';
import { Subscriptions } from './subscriptions';

/** What belongs to one client of the server, and cannot be told which where several share it. */
const ofNobody = new Set(['notifications/tasks/status', 'notifications/elicitation/complete']);
/** What the bridge, as the one client of the child, has said itself. */
const ofTheBridge = new Set(['notifications/initialized', 'notifications/roots/list_changed']);

/** One child for all sessions. Each client's session is the bridge's own; the server sees one client. */
export class SharedSessions implements Backend {
  private readonly routes = new Routes();
  private readonly subscriptions = new Subscriptions();
  private readonly clients = new Set<LinkEvents>();
  private readonly shared: SharedChild;

  constructor(options: ChildOptions) {
    this.shared = new SharedChild({
      child: options,
      greet: initialize,
      keepUp: true,
      onMessage: (message) => this.receive(message),
      onLost: (reason) => this.failAll(`${reason}; it is not known whether the call ran`),
      onReady: (child) => this.restore(child),
    });
  }

  /** Starts the child in the background. */
  start(): void {
    this.shared.ready().catch(() => undefined);
  }

  open(events: LinkEvents): Link {
    this.clients.add(events);
    return {
      start: async () => void (await this.shared.ready()),
      send: (message) => this.send(events, message),
      close: async () => this.leave(events),
    };
  }

  health(): BackendHealth {
    return this.shared.health();
  }

  close(): Promise<void> {
    this.failAll('The bridge is stopping');
    return this.shared.close();
  }

  private send(from: LinkEvents, message: Message): void {
    // Nothing is ever asked of a client here.
    if (isAnswer(message)) return;
    if (isRequest(message)) {
      if (this.routes.countOf(from) >= inFlightLimit) {
        from.onFailed(message.id, `More than ${inFlightLimit} requests at a time`);
        return;
      }
      if (message.method === 'initialize') this.greet(from, message);
      else this.request(from, message);
      return;
    }
    const cancelled = cancelledId(message);
    if (cancelled !== undefined) {
      const number = this.routes.take(from, cancelled);
      if (number !== undefined) {
        this.shared.running?.send({ ...message, params: { ...message.params, requestId: number } });
      }
    } else if (!ofTheBridge.has(message.method)) {
      this.shared.running?.send(message);
    }
  }

  /** Answers with what the server said to the bridge, in the revision that this client asks for. */
  private greet(from: LinkEvents, { id, params }: RpcRequest): void {
    this.shared.ready().then(
      () => {
        const result = this.shared.introduced ?? {};
        const protocolVersion = agreed(params?.['protocolVersion'], result['protocolVersion']);
        from.onMessage({ jsonrpc: '2.0', id, result: { ...result, protocolVersion } });
      },
      (error: unknown) => from.onFailed(id, reasonOf(error)),
    );
  }

  private request(from: LinkEvents, request: RpcRequest): void {
    const local = this.subscriptions.request(from, request);
    if (local === 'known') {
      from.onMessage({ jsonrpc: '2.0', id: request.id, result: {} });
      return;
    }
    const mapped = this.routes.add(from, local);
    const child = this.shared.running;
    if (child !== undefined) {
      child.send(mapped);
      return;
    }
    this.shared.ready().then(
      (started) => started.send(mapped),
      (error: unknown) => {
        if (this.routes.take(from, request.id) !== undefined) from.onFailed(request.id, reasonOf(error));
      },
    );
  }

  private receive(message: Message): void {
    if (isAnswer(message)) this.routes.answer(message);
    else if (isRequest(message)) this.refuse(message);
    else if (!this.routes.notify(message)) this.broadcast(message);
  }

  /** With many clients nobody can say whom the server means. */
  private refuse({ id, method }: RpcRequest): void {
    const child = this.shared.running;
    if (method === 'ping') child?.send({ jsonrpc: '2.0', id, result: {} });
    else {
      const message = `${method} is not available: this server is shared by several clients`;
      child?.send({ jsonrpc: '2.0', id, error: { code: rpcCode.methodNotFound, message } });
    }
  }

  private broadcast(message: RpcNotification): void {
    if (ofNobody.has(message.method)) return;
    for (const client of this.clients) {
      if (this.subscriptions.wants(client, message)) client.onMessage(message);
    }
  }

  private leave(client: LinkEvents): void {
    this.clients.delete(client);
    const child = this.shared.running;
    for (const { number } of this.routes.takeAll(client)) {
      const params: JsonObject = { requestId: number, reason: 'The client has gone' };
      child?.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    }
    for (const request of this.subscriptions.leave(client)) this.tell(child, request);
  }

  private restore(child: Child): void {
    for (const request of this.subscriptions.all()) this.tell(child, request);
  }

  /** A request whose answer nobody waits for. */
  private tell(child: Child | undefined, request: { method: string; params: JsonObject }): void {
    const nobody: LinkEvents = { onMessage: () => undefined, onFailed: () => undefined };
    child?.send(this.routes.add(nobody, { jsonrpc: '2.0', id: 0, ...request }));
  }

  private failAll(reason: string): void {
    for (const { route } of this.routes.takeAll()) route.owner.onFailed(route.id, reason);
  }
}

/** The client's revision where the server's is as new, else the server's: older clients refuse what they do not know. */
function agreed(asked: unknown, server: unknown): string {
  const own = typeof server === 'string' ? server : '2025-11-25';
  const at = legacyVersions.indexOf(String(asked));
  return at !== -1 && at <= legacyVersions.indexOf(own) ? String(asked) : own;
}
