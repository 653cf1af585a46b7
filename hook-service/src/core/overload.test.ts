import { Overload } from './overload';

describe('turns at once', () => {
  it('are refused with 503 when the process has as many as it may, and taken again when one ends', () => {
    const overload = new Overload(() => ({ all: 2 }));
    const leave = overload.enter('a');
    overload.enter('b');
    expect(overload.refusal('c')).toMatchObject({
      error: { status: 503, retryAfterSeconds: 5 },
      limit: 'limits.turns',
    });
    leave();
    expect([overload.refusal('c'), overload.inFlight]).toEqual([undefined, 1]);
  });

  it('are refused with 429 for a key that has as many as it may; others go on', () => {
    const overload = new Overload(() => ({ all: 10, perKey: 1 }));
    const leave = overload.enter('a');
    expect(overload.refusal('a')).toMatchObject({
      error: { status: 429, retryAfterSeconds: 5 },
      limit: 'limits.turns_per_key',
    });
    expect(overload.refusal('b')).toBeUndefined();
    leave();
    expect(overload.refusal('a')).toBeUndefined();
  });
});
