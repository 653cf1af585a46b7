import type { JsonObject } from '../core/json';
import { Child, ChildFailure, type ChildOptions } from './child';
import { initialize, introduction, repeatHandshake } from './handshake';
import { inFlightLimit, type Backend, type BackendHealth, type Link, type LinkEvents } from './link';
import { cancelledId, idKey, isAnswer, isRequest, type Id, type Message, type RpcRequest } from './rpc';

/** How often `/health` may try again whether a server that failed starts by now. */
const probeEveryMs = 5_000;

/** One child per session. What is learned of any of them is the health of all. */
export class OwnChildren implements Backend {
  private readonly links = new Set<OwnLink>();
  private state: BackendHealth = { state: 'starting' };
  private probing: Promise<void> | undefined;
  private probedAt = 0;
  private closed = false;

  constructor(private readonly options: ChildOptions) {}

  /** Starts the server once and ends it again: a bridge before an impossible command should say so at once. */
  probe(): Promise<void> {
    this.probedAt = Date.now();
    return (this.probing ??= this.tryStart().finally(() => (this.probing = undefined)));
  }

  open(events: LinkEvents): Link {
    const link = new OwnLink(this.options, events, {
      onShaken: (result) => (this.state = { state: 'ready', ...introduction(result) }),
      onStartFailed: (reason) => (this.state = { state: 'failed', reason }),
      onClosed: () => this.links.delete(link),
    });
    this.links.add(link);
    return link;
  }

  health(): BackendHealth {
    const again = this.state.state === 'failed' && Date.now() - this.probedAt >= probeEveryMs;
    if (again && !this.closed) void this.probe();
    return this.state;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([this.probing, ...[...this.links].map((link) => link.close())]);
  }

  private async tryStart(): Promise<void> {
    let child: Child | undefined;
    try {
      child = await Child.start(this.options, { onMessage: () => undefined, onEnd: () => undefined });
      const result = await initialize(child, this.options.startTimeoutMs);
      this.state = { state: 'ready', ...introduction(result) };
    } catch (error) {
      this.state = { state: 'failed', reason: reasonOf(error) };
    } finally {
      await child?.close();
    }
  }
}

interface Handshake {
  readonly id: string;
  readonly params: JsonObject;
  readonly timer: NodeJS.Timeout;
  done: boolean;
}

interface OwnLinkReports {
  onShaken(result: JsonObject): void;
  onStartFailed(reason: string): void;
  onClosed(): void;
}

/** A client and its child. After a crash the next request starts a new one, with the client's own handshake. */
class OwnLink implements Link {
  private child: Child | undefined;
  private starting: Promise<void> | undefined;
  /** The process before its handshake is done: it must end with the link all the same. */
  private newborn: Child | undefined;
  private readonly waiting: Message[] = [];
  private readonly pending = new Map<string, Id>();
  private handshake: Handshake | undefined;
  private closed = false;

  constructor(
    private readonly options: ChildOptions,
    private readonly events: LinkEvents,
    private readonly reports: OwnLinkReports,
  ) {}

  start(): Promise<void> {
    if (this.child !== undefined) return Promise.resolve();
    return (this.starting ??= this.begin().finally(() => (this.starting = undefined)));
  }

  send(message: Message): void {
    if (isRequest(message)) {
      if (this.closed || this.pending.size >= inFlightLimit) {
        const reason = this.closed
          ? 'The session has ended'
          : `More than ${inFlightLimit} requests at a time`;
        this.events.onFailed(message.id, reason);
        return;
      }
      this.pending.set(idKey(message.id), message.id);
      if (message.method === 'initialize') {
        this.beginHandshake(message);
      }
    }
    const cancelled = cancelledId(message);
    if (cancelled !== undefined) this.pending.delete(idKey(cancelled));
    if (this.child !== undefined && this.starting === undefined) {
      this.child.send(message);
      return;
    }
    // What is no request answers or belongs to a child that is gone.
    if (!isRequest(message) || this.closed) return;
    this.waiting.push(message);
    this.start().catch((error: unknown) => this.fail(reasonOf(error)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.handshake?.timer);
    this.fail('The session was ended');
    await this.newborn?.close();
    await this.starting?.catch(() => undefined);
    await this.child?.close();
    this.reports.onClosed();
  }

  private beginHandshake(message: RpcRequest): void {
    const { startTimeoutMs, command } = this.options;
    const late = () => {
      const reason = `${command} runs but did not answer initialize within ${startTimeoutMs / 1_000} s`;
      const child = this.child;
      this.child = undefined;
      this.reports.onStartFailed(reason);
      this.fail(reason);
      void child?.close();
    };
    const timer = setTimeout(late, startTimeoutMs);
    this.handshake = { id: idKey(message.id), params: message.params ?? {}, done: false, timer };
  }

  private async begin(): Promise<void> {
    let child: Child | undefined;
    let ended: string | undefined;
    try {
      child = await Child.start(this.options, {
        onMessage: (message) => this.receive(message),
        onEnd: (reason) => {
          ended = reason;
          if (this.child !== undefined && this.child === child) this.lost(reason);
        },
      });
      this.newborn = child;
      if (this.closed) throw new ChildFailure('The session has ended');
      if (this.handshake?.done === true) {
        await repeatHandshake(child, this.handshake.params, this.options.startTimeoutMs);
      }
      if (ended !== undefined) throw new ChildFailure(ended);
    } catch (error) {
      await child?.close();
      if (!this.closed) this.reports.onStartFailed(reasonOf(error));
      throw error;
    } finally {
      this.newborn = undefined;
    }
    this.child = child;
    for (const message of this.waiting.splice(0)) child.send(message);
  }

  private receive(message: Message): void {
    if (this.closed) return;
    if (isAnswer(message)) {
      const key = idKey(message.id);
      // Late and made-up answers belong to nobody.
      if (!this.pending.delete(key)) return;
      if (this.handshake?.id === key && !this.handshake.done) {
        clearTimeout(this.handshake.timer);
        this.handshake.done = message.result !== undefined;
        if (message.result !== undefined) this.reports.onShaken(message.result);
      }
    }
    this.events.onMessage(message);
  }

  private lost(reason: string): void {
    this.child = undefined;
    clearTimeout(this.handshake?.timer);
    if (this.handshake?.done !== true) this.reports.onStartFailed(`${reason} before it answered initialize`);
    this.fail(`${reason}; it is not known whether the call ran`);
  }

  private fail(reason: string): void {
    this.waiting.length = 0;
    const failed = [...this.pending.values()];
    this.pending.clear();
    for (const id of failed) this.events.onFailed(id, reason);
  }
}

/** Why a start failed, for a person. */
export function reasonOf(error: unknown): string {
  return error instanceof ChildFailure ? error.message : 'The server could not be started';
}
