import { SdkHttpError } from '@modelcontextprotocol/client';
import type { IncomingMessage } from 'node:http';
import { ExchangeFailure, mediaType, type Exchange } from '../wire/http-client';
import { statusError } from './messages';

export interface StandingStreamOptions {
  open(lastEventId: string | undefined): Exchange;
  read(answer: IncomingMessage, onId: (eventId: string) => void): Promise<void>;
  /** The pause that the server asked for, if it did. */
  retryMs(): number | undefined;
  onLost(why: unknown): void;
}

/** First and longest pause before a broken stream is opened again, where the server names none. */
const reopenMs = { first: 250, most: 30_000 };
/** A stream that lasted this long starts again with the first pause. */
const lastedMs = 10_000;

/**
 * The GET stream of a streamable HTTP session, for what the server says unasked. Servers need not offer one. Once it
 * was open it is opened again for as long as the session lives; that nothing listens there any more, or that the
 * session is unknown, is the first news of a restarted server, well before a call finds out.
 */
export class StandingStream {
  private exchange?: Exchange;
  private timer?: NodeJS.Timeout;
  private lastEventId?: string;
  private wasOpen = false;
  private closed = false;
  private failures = 0;

  constructor(private readonly options: StandingStreamOptions) {}

  /** Opens the stream in the background. */
  open(): void {
    if (this.closed) return;
    const openedAt = Date.now();
    this.readOnce().then(
      (offered) => {
        if (offered) this.reopen(openedAt);
      },
      (error: unknown) => {
        if (this.closed) return;
        if (isLost(error)) this.options.onLost(error);
        else this.reopen(openedAt);
      },
    );
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.exchange?.abort();
  }

  private reopen(openedAt: number): void {
    if (this.closed) return;
    this.failures = Date.now() - openedAt > lastedMs ? 0 : this.failures + 1;
    const delay = this.options.retryMs() ?? Math.min(reopenMs.first * 2 ** this.failures, reopenMs.most);
    this.timer = setTimeout(() => this.open(), delay);
  }

  /** Resolves when the server ended the stream; false when it offers none. */
  private async readOnce(): Promise<boolean> {
    this.exchange = this.options.open(this.lastEventId);
    const answer = await this.exchange.answer;
    if (answer.statusCode === 200 && mediaType(answer) === 'text/event-stream') {
      this.wasOpen = true;
      await this.options.read(answer, (eventId) => (this.lastEventId = eventId));
      return true;
    }
    const error = await statusError(answer);
    if (this.wasOpen && error.status !== 405) throw error;
    return false;
  }
}

/** 404 says that the session is unknown; 400 says so at servers that are less exact. */
function isLost(error: unknown): boolean {
  if (error instanceof ExchangeFailure) return !error.sent;
  return error instanceof SdkHttpError && (error.status === 404 || error.status === 400);
}
