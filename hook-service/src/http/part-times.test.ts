import { PartTimes } from './part-times';

it('tells since when a part is in its state, and forgets parts that are gone', () => {
  let now = 0;
  const times = new PartTimes(() => now);
  const at = (second: number): string => new Date(second * 1000).toISOString();
  expect(times.note({ redis: { state: 'starting' } })).toEqual({
    redis: { state: 'starting', since: at(0) },
  });
  now = 1000;
  expect(times.note({ redis: { state: 'ready' } })).toEqual({ redis: { state: 'ready', since: at(1) } });
  now = 2000;
  // Another reason is no other state.
  expect(times.note({ redis: { state: 'ready', reason: 'again' } })).toEqual({
    redis: { state: 'ready', reason: 'again', since: at(1) },
  });
  times.note({});
  now = 3000;
  expect(times.note({ redis: { state: 'ready' } })).toEqual({ redis: { state: 'ready', since: at(3) } });
});
