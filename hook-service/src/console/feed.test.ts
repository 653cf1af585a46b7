import { EventEmitter } from 'node:events';
import type { Response } from 'express';
import { Feed } from './feed';

/** As much of a response as the feed uses. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  destroyed = false;
  status(): this {
    return this;
  }
  set(): this {
    return this;
  }
  flushHeaders(): void {}
  write(text: string): void {
    this.written.push(text);
  }
  end(): void {
    this.emit('close');
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}
const all = { parts: [], turns: [], limits: [], catalog: { version: 1, changes: 0 }, approvals: [] };
let changed: object;
let feed: Feed;
const open = (mayStay = () => true): FakeResponse & { added: boolean } => {
  const res = new FakeResponse();
  return Object.assign(res, { added: feed.add(res as unknown as Response, mayStay) });
};
const flushed = (): void => void jest.advanceTimersByTime(100);

beforeEach(() => {
  jest.useFakeTimers();
  changed = { limits: [] };
  feed = new Feed({ all: () => all, changed: () => changed, mostListeners: 2, mostBytes: 10 });
});
afterEach(() => {
  feed.close();
  jest.useRealTimers();
});

describe('the feed', () => {
  it('tells a listener everything first, then what has changed, many changes at once', () => {
    const listener = open();
    expect(listener.written.join('')).toContain('event: catalog\ndata: {"version":1,"changes":0}\n\n');
    feed.touch();
    feed.touch();
    flushed();
    flushed();
    expect(listener.written.slice(1)).toEqual(['event: limits\ndata: []\n\n']);
  });

  it('lets a listener go that does not read, and one whose session is over, and tells the others', () => {
    const good = open();
    const slow = open();
    slow.writableLength = 11;
    feed.touch();
    flushed();
    expect([good.destroyed, slow.destroyed, feed.size]).toEqual([false, true, 1]);
    let isOpen = true;
    const guest = open(() => isOpen);
    isOpen = false;
    jest.advanceTimersByTime(10_000);
    expect([guest.destroyed, good.destroyed]).toEqual([true, false]);
  });

  it('takes so many listeners and no more', () => {
    const [one, two, three] = [open(), open(), open()];
    expect([one.added, two.added, three.added]).toEqual([true, true, false]);
    one.emit('close');
    expect(open().added).toBe(true);
  });
});
