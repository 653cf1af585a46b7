import { ExponentialBackoff, type IBackoff } from 'cockatiel';

export interface ReconnectOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Pause after a failure that only a person can change. */
  readonly lastingMs: number;
  /** Pause after learning that the server speaks no version of the protocol that we speak. */
  readonly incompatibleMs?: number;
  /** A connection that held this long starts again with the first pause. */
  readonly stableMs: number;
  /** Processes that ended soon and without an answer: after so many in this time none is started for its rest. */
  readonly starts?: { readonly most: number; readonly windowMs: number };
}

/** How long to wait before the next attempt to connect: exponential, with jitter so that replicas do not march in step. */
export class ReconnectPolicy {
  private backoff: IBackoff<unknown> | undefined;
  private connectedAt: number | undefined;
  private hasServed = false;
  /** When processes ended in vain, oldest first. */
  private vain: number[] = [];
  /** The pause that too many processes in vain cost, in milliseconds; 0 where that is not the reason for the pause. */
  startsRest = 0;
  /** Attempts that failed since the last good connection. */
  failures = 0;

  constructor(
    private readonly options: ReconnectOptions,
    private readonly startsProcesses = false,
  ) {}

  connected(): void {
    this.failures = 0;
    this.connectedAt = Date.now();
    this.hasServed = false;
  }

  /** The connection was good for something. */
  served(): void {
    this.hasServed = true;
  }

  /** A connection was lost. A server that falls over right after each start keeps its longer pauses. */
  lost(): number {
    const held = this.connectedAt === undefined ? 0 : Date.now() - this.connectedAt;
    const wasGood = held >= this.options.stableMs || this.hasServed;
    if (wasGood) this.backoff = undefined;
    return this.next(!wasGood);
  }

  failed(reason: { readonly lasting: boolean; readonly incompatible?: boolean }): number {
    this.failures += 1;
    const delay = this.next(true);
    if (reason.incompatible === true)
      return Math.max(delay, this.options.incompatibleMs ?? this.options.lastingMs);
    return reason.lasting ? Math.max(delay, this.options.lastingMs) : delay;
  }

  private next(inVain: boolean): number {
    const { initialMs, maxMs } = this.options;
    this.backoff =
      this.backoff?.next(undefined) ??
      new ExponentialBackoff({ initialDelay: initialMs, maxDelay: maxMs }).next();
    this.startsRest = inVain && this.startsProcesses ? this.restOfWindow() : 0;
    return Math.max(this.backoff.duration, this.startsRest);
  }

  private restOfWindow(): number {
    const { most, windowMs } = this.options.starts ?? { most: Infinity, windowMs: 0 };
    const now = Date.now();
    this.vain = [...this.vain, now].filter((at) => at > now - windowMs).slice(-most);
    return this.vain.length < most ? 0 : (this.vain[0] ?? now) + windowMs - now;
  }
}
