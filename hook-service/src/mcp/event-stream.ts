import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { IncomingMessage } from 'node:http';
import { codeOf, ExchangeFailure, rejectIncomplete } from '../wire/http-client';

export interface EventHandlers {
  onEvent(event: EventSourceMessage): void;
  /** The server's wish for the time before a reconnect (`retry:`). */
  onRetry?: (milliseconds: number) => void;
}

/** May stand at the beginning of an event stream, and is not part of it. */
const byteOrderMark = '\ufeff';

/**
 * Reads an event stream until it ends. Resolves when the server ended it, rejects with `ExchangeFailure` when the
 * connection broke or one event is larger than `limit` characters. No web streams: they were half the cost of a call.
 */
export function readEvents(answer: IncomingMessage, handlers: EventHandlers, limit: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending = 0;
    let first = true;
    let last = '';
    const parser = createParser({
      onEvent(event) {
        pending = 0;
        handlers.onEvent(event);
      },
      onComment: () => (pending = 0),
      ...(handlers.onRetry === undefined ? {} : { onRetry: handlers.onRetry }),
    });
    if (answer.destroyed) reject(new ExchangeFailure('stream_ended', true));
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      pending += chunk.length;
      last = chunk.slice(-1);
      parser.feed(first && chunk.startsWith(byteOrderMark) ? chunk.slice(1) : chunk);
      first = false;
      // After feeding: only what is still an unfinished event counts.
      if (pending > limit) {
        reject(new ExchangeFailure('too_large', true));
        answer.destroy();
      }
    });
    answer.once('end', () => {
      // The parser waits for the other half of a CRLF, which is not to come any more.
      if (last === '\r') parser.feed('\n');
      resolve();
    });
    answer.once('error', (error) => reject(new ExchangeFailure(codeOf(error), true, error)));
    answer.once('close', () => rejectIncomplete(answer, reject));
  });
}
