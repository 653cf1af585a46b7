import { Waiters } from './waiters';

describe('those who wait', () => {
  test('get the value, and leave no listener behind', async () => {
    const waiters = new Waiters<string>();
    const both = [1, 2].map(() => waiters.wait(60_000, new AbortController().signal, 'none'));
    waiters.settle('value');
    expect(await Promise.all(both)).toEqual(['value', 'value']);
    expect(waiters.size).toBe(0);
  });

  test('give up at their signal, their time, or at once where there is none left', async () => {
    const waiters = new Waiters<string>();
    const turn = new AbortController();
    const waiting = waiters.wait(60_000, turn.signal, 'none');
    turn.abort();
    expect(await waiting).toBe('none');
    expect(await waiters.wait(60_000, turn.signal, 'none')).toBe('none');
    expect(await waiters.wait(1, new AbortController().signal, 'none')).toBe('none');
    expect(await waiters.wait(0, new AbortController().signal, 'none')).toBe('none');
    expect(waiters.size).toBe(0);
  });
});
