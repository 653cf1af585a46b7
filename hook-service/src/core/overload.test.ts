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

  it('are told of when somebody begins or ends to be refused, by name while these are few', () => {
    const told: unknown[] = [];
    const overload: Overload = new Overload(
      () => ({ all: 100, perKey: 1 }),
      () => told.push(overload.full),
    );
    const leave = overload.enter('a');
    const leaveB = overload.enter('b');
    leave();
    leaveB();
    expect(told).toEqual([['a'], ['a', 'b'], ['b'], []]);
    for (let i = 0; i < 65; i++) overload.enter(`s${i}`);
    expect(overload.full).toBe(true);
    const small: Overload = new Overload(
      () => ({ all: 2 }),
      () => told.push(small.full),
    );
    told.length = 0;
    small.enter('a');
    small.enter('a')();
    expect(told).toEqual([true, []]);
  });
});
