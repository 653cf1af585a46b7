import { memoryResults } from './results';

const result = (text: string) => ({ content: [{ type: 'text' as const, text }] });

describe('results in memory', () => {
  it('are given for their time, in their scope only', async () => {
    let now = 0;
    const cache = memoryResults(1_000, () => now);
    await cache.put('s', 'k', result('x'), 10);
    expect(await cache.get('s', 'k')).toEqual(result('x'));
    expect(await cache.get('other', 'k')).toBeUndefined();
    now = 10_000;
    expect(await cache.get('s', 'k')).toBeUndefined();
  });

  it('take no more room than they may: the oldest go, and one that is too large is not kept', async () => {
    const cache = memoryResults(200);
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await cache.put('s', key, result('x'.repeat(30)), 60);
    expect(await cache.get('s', 'a')).toBeUndefined();
    expect(await cache.get('s', 'f')).toBeDefined();
    await cache.put('s', 'g', result('x'.repeat(600_000)), 60);
    expect(await cache.get('s', 'g')).toBeUndefined();
  });
});
