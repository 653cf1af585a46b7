import fc from 'fast-check';
import { classOf, mcpBounds, modelBounds, percentile, regroup } from './durations';

const counted = (all: readonly number[]): Map<number, number> => {
  const classes = new Map<number, number>();
  for (const ms of all) classes.set(classOf(ms), (classes.get(classOf(ms)) ?? 0) + 1);
  return classes;
};
const durations = fc.array(fc.double({ min: 0, max: 400_000, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

describe('durations that are counted in classes', () => {
  it.each([mcpBounds, modelBounds])(
    'are the same in the classes of OpenTelemetry as if counted there',
    (...bounds) => {
      fc.assert(
        fc.property(durations, (all) => {
          const direct = [...bounds, Infinity].map(
            (upper, index) => all.filter((ms) => ms <= upper && ms > (bounds[index - 1] ?? -1)).length,
          );
          expect(regroup(counted(all), bounds)).toEqual(direct);
        }),
      );
    },
  );

  it('give percentiles that lie in the class of the right one', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (all, share) => {
        const sorted = [...all].sort((one, other) => one - other);
        const right = sorted[Math.max(Math.ceil(share * all.length) - 1, 0)] ?? 0;
        // Rounding may step over a bound that is a whole number.
        expect(Math.abs(classOf(percentile(counted(all), share)) - classOf(right))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('have a percentile of 0 where there are none', () => {
    expect(percentile(new Map(), 0.95)).toBe(0);
  });
});
