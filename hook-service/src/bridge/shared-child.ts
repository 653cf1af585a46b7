import type { JsonObject } from '../core/json';
import { ReconnectPolicy } from '../mcp/reconnect-policy';
import { Child, ChildFailure, type ChildOptions } from './child';
import { introduction } from './handshake';
import type { BackendHealth } from './link';
import { reasonOf } from './own-child';
import type { Message } from './rpc';

export interface SharedChildOptions {
  readonly child: ChildOptions;
  /** The handshake; throws `ChildFailure`. Its result stands for the server. */
  greet(child: Child, timeoutMs: number): Promise<JsonObject>;
  /** Start it again by itself when it ends. */
  readonly keepUp: boolean;
  onMessage(message: Message): void;
  /** It ended, and everything under way with it. */
  onLost(reason: string): void;
  /** A new process is there, after its handshake and before anything else. */
  onReady(child: Child): void;
}

/** Longest time that a request waits for a server that is being started again. */
const waitMs = 5_000;
const restart = { initialMs: 250, maxMs: 30_000, lastingMs: 5_000, stableMs: 30_000 };

/** One child that many use: started when needed, and again when it ends, with pauses from 0.25 to 30 s. */
export class SharedChild {
  private readonly policy = new ReconnectPolicy(restart);
  private child: Child | undefined;
  private newborn: Child | undefined;
  private connecting: Promise<Child> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private notBefore = 0;
  private reason: string | undefined;
  private greeting: JsonObject | undefined;
  private closed = false;
  /** The command itself can be run, whatever came of the handshake. */
  wasStarted = false;

  constructor(private readonly options: SharedChildOptions) {}

  /** What the server said in its handshake; undefined before the first one. */
  get introduced(): JsonObject | undefined {
    return this.greeting;
  }

  /** The running child; waits for a start that is under way or due soon. Throws `ChildFailure`. */
  ready(): Promise<Child> {
    if (this.child !== undefined) return Promise.resolve(this.child);
    return (this.connecting ??= this.connect().finally(() => (this.connecting = undefined)));
  }

  /** The child, where it runs right now: what is said here keeps its order. */
  get running(): Child | undefined {
    return this.child;
  }

  health(): BackendHealth {
    const known = this.greeting === undefined ? {} : introduction(this.greeting);
    if (this.child !== undefined) return { state: 'ready', ...known };
    const why = this.reason === undefined ? {} : { reason: this.reason };
    if (this.policy.failures > 0) return { state: 'failed', ...why, ...known };
    return { state: this.greeting === undefined ? 'starting' : 'reconnecting', ...why, ...known };
  }

  /** Ends the process; the next request starts it again. */
  async rest(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    await child?.close();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.newborn?.close();
    await this.connecting?.catch(() => undefined);
    await this.rest();
  }

  private async connect(): Promise<Child> {
    const pause = this.notBefore - Date.now();
    if (pause > waitMs) throw new ChildFailure(this.reason ?? 'The server is being started again');
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    if (this.closed) throw new ChildFailure('The bridge is stopping');
    let child: Child | undefined;
    let ended: string | undefined;
    try {
      child = await Child.start(this.options.child, {
        onMessage: (message) => this.options.onMessage(message),
        onEnd: (reason) => {
          ended = reason;
          if (this.child !== undefined && this.child === child) this.lost(reason);
        },
      });
      this.newborn = child;
      this.wasStarted = true;
      this.greeting = await this.options.greet(child, this.options.child.startTimeoutMs);
      if (ended !== undefined || this.closed) throw new ChildFailure(ended ?? 'The bridge is stopping');
    } catch (error) {
      await child?.close();
      this.reason = reasonOf(error);
      this.later(this.policy.failed({ lasting: false }));
      throw error;
    } finally {
      this.newborn = undefined;
    }
    this.child = child;
    this.reason = undefined;
    this.policy.connected();
    this.options.onReady(child);
    return child;
  }

  private lost(reason: string): void {
    this.child = undefined;
    this.reason = reason;
    this.later(this.policy.lost());
    this.options.onLost(reason);
  }

  private later(delayMs: number): void {
    this.notBefore = Date.now() + delayMs;
    if (!this.options.keepUp || this.closed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ready().catch(() => undefined), delayMs);
  }
}
