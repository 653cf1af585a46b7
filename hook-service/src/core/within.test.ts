import { within } from './within';

afterEach(() => jest.useRealTimers());

describe('work that is waited for within a time', () => {
  it('is over before it', async () => {
    jest.useFakeTimers();
    expect(await within(1_000, Promise.resolve('done'))).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('goes on where it takes longer', async () => {
    jest.useFakeTimers();
    const waited = within(1_000, new Promise(() => undefined));
    jest.advanceTimersByTime(1_000);
    expect(await waited).toBe(false);
  });

  it('fails for whoever waits, and leaves no timer behind', async () => {
    jest.useFakeTimers();
    await expect(within(1_000, Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(jest.getTimerCount()).toBe(0);
  });
});
