import type { Response } from 'express';
import type { FeedEvents } from '../../console-page/shapes';

export interface FeedOptions {
  /** What a new listener is told first. */
  readonly all: () => FeedEvents;
  /** What has changed since it was taken last. */
  readonly changed: () => Partial<FeedEvents>;
  /** Least time between two messages. */
  readonly pauseMs?: number;
  readonly keepAliveMs?: number;
  readonly mostListeners?: number;
  /** A listener that has more than this many bytes before it is let go; it comes back by itself. */
  readonly mostBytes?: number;
}

interface Listener {
  readonly res: Response;
  readonly mayStay: () => boolean;
}

/**
 * Tells browsers what happens, as server-sent events. Changes are gathered and written once for all; nobody waits for
 * a slow listener.
 */
export class Feed {
  private readonly listeners = new Set<Listener>();
  private timer: NodeJS.Timeout | undefined;
  private readonly keepAlive: NodeJS.Timeout;

  constructor(private readonly options: FeedOptions) {
    this.keepAlive = setInterval(() => this.send(': still here\n\n'), options.keepAliveMs ?? 10_000).unref();
  }

  get size(): number {
    return this.listeners.size;
  }

  /** Something has changed. Returns at once. */
  touch(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const changed = this.options.changed();
      if (this.listeners.size > 0) this.send(written(changed));
    }, this.options.pauseMs ?? 100).unref();
  }

  /** False where there are too many already. `mayStay` is asked from time to time: a session can end. */
  add(res: Response, mayStay: () => boolean): boolean {
    if (this.listeners.size >= (this.options.mostListeners ?? 32)) return false;
    const listener = { res, mayStay };
    res.status(200).set({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    res.flushHeaders();
    res.write(`retry: 1000\n\n${written(this.options.all())}`);
    this.listeners.add(listener);
    res.once('close', () => this.listeners.delete(listener));
    return true;
  }

  close(): void {
    clearInterval(this.keepAlive);
    clearTimeout(this.timer);
    for (const { res } of this.listeners) res.end();
    this.listeners.clear();
  }

  private send(text: string): void {
    if (text === '') return;
    for (const listener of this.listeners) {
      const { res, mayStay } = listener;
      if (mayStay() && res.writableLength <= (this.options.mostBytes ?? 4_000_000)) res.write(text);
      else {
        this.listeners.delete(listener);
        res.destroy();
      }
    }
  }
}

/** JSON has no line ends of its own, so each event is one line of data. */
function written(events: Partial<FeedEvents>): string {
  return Object.entries(events)
    .map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');
}
