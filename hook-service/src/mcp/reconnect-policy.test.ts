import { ReconnectPolicy } from './reconnect-policy';

const options = {
  initialMs: 100,
  maxMs: 2_000,
  lastingMs: 30_000,
  incompatibleMs: 300_000,
  stableMs: 10_000,
  starts: { most: 3, windowMs: 60_000 },
};

describe('the pauses between attempts to connect', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('grow, never beyond the longest one', () => {
    const policy = new ReconnectPolicy(options);
    const pauses = Array.from({ length: 50 }, () => policy.failed({ lasting: false }));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000);
    expect(pauses.slice(-10).some((pause) => pause > 500)).toBe(true);
    expect(policy.failures).toBe(50);
  });

  test('are long where only a person can help', () => {
    expect(new ReconnectPolicy(options).failed({ lasting: true })).toBe(30_000);
    expect(new ReconnectPolicy(options).failed({ lasting: true, incompatible: true })).toBe(300_000);
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

  test('are short for a server that gave a result before it fell over', () => {
    const policy = new ReconnectPolicy(options, true);
    const pauses = Array.from({ length: 30 }, () => {
      policy.connected();
      policy.served();
      return policy.lost();
    });
    expect(Math.max(...pauses)).toBeLessThan(500);
  });

  test('last for the rest of the window after too many processes that ended in vain', () => {
    const policy = new ReconnectPolicy(options, true);
    policy.failed({ lasting: false });
    jest.advanceTimersByTime(10_000);
    policy.failed({ lasting: false });
    expect(policy.failed({ lasting: false })).toBe(50_000);
    jest.advanceTimersByTime(60_000);
    expect(policy.failed({ lasting: false })).toBeLessThanOrEqual(2_000);
  });
});
