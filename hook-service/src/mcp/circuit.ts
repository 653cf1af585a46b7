import { ExponentialBackoff, type IBackoff } from 'cockatiel';

export interface CircuitOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** First and longest time it stays open. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** One call that was let through. The first word about it counts. */
export interface Ticket {
  /** The server gave an answer, be it an error of the tool. */
  answered(): void;
  /** The connection broke, the server failed or said nothing. */
  failed(): void;
  /** The call is over; where nothing was said before, it proves nothing (it was cancelled, for example). */
  leave(): void;
}

/**
 * Spares callers the wait for a server that fails again and again: open, it lets no call through; after a time one call may
 * try (half-open), and what comes of that closes it or opens it for longer. Not cockatiel's breaker: that one counts the
 * calls which one incident ends at the same time as failures in a row, and lets further calls wait for the one that tries.
 */
export class Circuit {
  private inRow = 0;
  private lastFailure = 0;
  private order = 0;
  private openUntil: number | undefined;
  private probing = false;
  private backoff: IBackoff<unknown> | undefined;

  constructor(
    private readonly options: CircuitOptions,
    private readonly onChange: (isOpen: boolean) => void = () => undefined,
  ) {}

  /** Why no call is let through, in words; undefined while they are. */
  get reason(): string | undefined {
    if (this.openUntil === undefined) return undefined;
    const seconds = Math.max(0, Math.ceil((this.openUntil - Date.now()) / 1_000));
    const then = seconds === 0 ? 'the next call tries it' : `it is tried again in ${seconds} s`;
    return `${this.inRow} calls in a row failed at the server; ${then}`;
  }

  /** Lets a call through, or not. */
  enter(): Ticket | undefined {
    const isProbe = this.openUntil !== undefined;
    if (isProbe) {
      if (this.probing || Date.now() < (this.openUntil ?? 0)) return undefined;
      this.probing = true;
    }
    const entered = (this.order += 1);
    let said = false;
    const once = (then: () => void) => () => {
      if (said) return;
      said = true;
      if (isProbe) this.probing = false;
      then();
    };
    return {
      answered: once(() => this.close()),
      failed: once(() => this.count(entered, isProbe)),
      leave: once(() => undefined),
    };
  }

  /** The server is known to be well. */
  close(): void {
    const wasOpen = this.openUntil !== undefined;
    this.inRow = 0;
    this.openUntil = undefined;
    this.backoff = undefined;
    if (wasOpen) this.onChange(false);
  }

  /** Calls that were under way at the last failure failed with it: they are not further ones in a row. */
  private count(entered: number, isProbe: boolean): void {
    if (!isProbe && entered <= this.lastFailure) return;
    this.lastFailure = this.order;
    this.inRow += 1;
    if (!isProbe && (this.inRow < this.options.failures || this.openUntil !== undefined)) return;
    const { openMs, maxOpenMs } = this.options;
    this.backoff =
      this.backoff?.next(undefined) ??
      new ExponentialBackoff({ initialDelay: openMs, maxDelay: maxOpenMs }).next();
    this.openUntil = Date.now() + this.backoff.duration;
    this.onChange(true);
  }
}
