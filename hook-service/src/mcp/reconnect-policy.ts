import { ExponentialBackoff, type IBackoff } from 'cockatiel';

export interface ReconnectOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Pause after a failure that only a person can change. */
  readonly lastingMs: number;
  /** A connection that held this long starts again with the first pause. */
  readonly stableMs: number;
}

/** How long to wait before the next attempt to connect: exponential, with jitter so that replicas do not march in step. */
export class ReconnectPolicy {
  private backoff: IBackoff<unknown> | undefined;
  private connectedAt: number | undefined;
  /** Attempts that failed since the last good connection. */
  failures = 0;

  constructor(private readonly options: ReconnectOptions) {}

  connected(): void {
    this.failures = 0;
    this.connectedAt = Date.now();
  }

  /** A connection was lost. A server that falls over right after each start keeps its longer pauses. */
  lost(): number {
    const held = this.connectedAt === undefined ? 0 : Date.now() - this.connectedAt;
    if (held >= this.options.stableMs) this.backoff = undefined;
    return this.next();
  }

  failed(lasting: boolean): number {
    this.failures += 1;
    const delay = this.next();
    return lasting ? Math.max(delay, this.options.lastingMs) : delay;
  }

  private next(): number {
    const { initialMs, maxMs } = this.options;
    this.backoff =
      this.backoff?.next(undefined) ??
      new ExponentialBackoff({ initialDelay: initialMs, maxDelay: maxMs }).next();
    return this.backoff.duration;
  }
}
