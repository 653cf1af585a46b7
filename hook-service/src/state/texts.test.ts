import { textStoreContract } from '../../../tests/support/call-store-contract';
import { memoryTexts } from './texts';

describe('texts in memory', () => {
  const texts = memoryTexts();
  textStoreContract(() => texts);

  it('take no more room than they may: the oldest go', async () => {
    const small = memoryTexts(10);
    await small.keep('s', 'a', Buffer.alloc(6), 60);
    await small.keep('s', 'b', Buffer.alloc(4), 60);
    await small.keep('s', 'c', Buffer.alloc(1), 60);
    expect(await small.read('s', 'a', 0, 1)).toBeUndefined();
    expect(await small.read('s', 'b', 0, 1)).toBeDefined();
    expect(await small.keep('s', 'd', Buffer.alloc(11), 60)).toBe(false);
    expect(await small.read('s', 'c', 0, 1)).toBeDefined();
  });

  it('are gone when their time is over', async () => {
    let now = 0;
    const timed = memoryTexts(100, () => now);
    await timed.keep('s', 'a', Buffer.from('x'), 10);
    now = 10_000;
    expect(await timed.read('s', 'a', 0, 1)).toBeUndefined();
  });
});
