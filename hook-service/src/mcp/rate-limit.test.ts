import { limitRate } from './rate-limit';

describe('a limit per second', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('lets so many through, and tells in a later second how many it did not', () => {
    const dropped: number[] = [];
    const allowed = limitRate(2, (count) => dropped.push(count));
    expect([allowed(), allowed(), allowed(), allowed()]).toEqual([true, true, false, false]);
    expect(dropped).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(allowed()).toBe(true);
    expect(dropped).toEqual([2]);
    jest.advanceTimersByTime(1_000);
    expect(allowed()).toBe(true);
    expect(dropped).toEqual([2]);
  });
});
