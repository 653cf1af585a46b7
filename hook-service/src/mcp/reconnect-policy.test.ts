import { ReconnectPolicy } from './reconnect-policy';

const options = { initialMs: 100, maxMs: 2_000, lastingMs: 30_000, stableMs: 10_000 };

describe('the pauses between attempts to connect', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('grow, never beyond the longest one', () => {
    const policy = new ReconnectPolicy(options);
    const pauses = Array.from({ length: 50 }, () => policy.failed(false));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000);
    expect(pauses.slice(-10).some((pause) => pause > 500)).toBe(true);
    expect(policy.failures).toBe(50);
  });

  test('are long where only a person can help', () => {
    expect(new ReconnectPolicy(options).failed(true)).toBe(30_000);
  });

  test('go on growing for a server that falls over right after each start', () => {
    const policy = new ReconnectPolicy(options);
    const spin = (heldMs: number) =>
      Array.from({ length: 30 }, () => {
        policy.connected();
        jest.advanceTimersByTime(heldMs);
        return policy.lost();
      });
    expect(Math.max(...spin(100).slice(-10))).toBeGreaterThan(500);
    expect(Math.max(...spin(11_000))).toBeLessThan(500);
  });
});
