import {
  bootstrap,
  differenceOfMedians,
  median,
  medianOf,
  quantile,
  ratioByRound,
  ratioOfMeans,
  ratioOfMedians,
  slope,
} from './stats';

const near = (value: number, spread: number, rounds = 30): number[][] =>
  Array.from({ length: rounds }, (_, round) =>
    // Spread evenly, in an order that no round shares with the next.
    Array.from({ length: 10 }, (_, index) => value + spread * (((round * 7 + index * 3) % 10) / 9 - 0.5)),
  );

describe('quantiles', () => {
  it('lie between the two numbers around their place', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([5], 0.99)).toBe(5);
  });

  it('are no number where there is none', () => {
    expect(median([])).toBeNaN();
  });

  it('leave what they are given in its order', () => {
    const numbers = [3, 1, 2];
    median(numbers);
    expect(numbers).toEqual([3, 1, 2]);
  });
});

describe('intervals', () => {
  it('of a ratio hold the true one, and are narrow where samples agree', () => {
    const { value, low, high } = ratioOfMedians(near(11, 0.2), near(10, 0.2));
    expect(value).toBeCloseTo(1.1, 2);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
    expect(high - low).toBeLessThan(0.02);
  });

  it('are wide where whole rounds differ, however much the samples within one agree', () => {
    const calm = Array.from({ length: 12 }, () => Array.from({ length: 50 }, () => 10));
    const drifting = Array.from({ length: 12 }, (_, round) =>
      Array.from({ length: 50 }, () => (round < 6 ? 10 : 20)),
    );
    const { low, high } = ratioOfMedians(drifting, calm);
    expect([low, high]).toEqual([1, 2]);
  });

  it('of a difference are in the unit of the samples', () => {
    const { value, low, high } = differenceOfMedians(near(12, 1), near(10, 1));
    expect(value).toBeCloseTo(2, 1);
    expect(low).toBeGreaterThan(1.5);
    expect(high).toBeLessThan(2.5);
  });

  it('of ratios by round are not those of a machine that changes its pace', () => {
    const pace = (round: number): number => (round % 2 === 0 ? 1 : 1.6);
    const at = (value: number) =>
      Array.from(
        { length: 30 },
        (_, round) => near(value, 0.4, 30)[round]?.map((each) => each * pace(round)) ?? [],
      );
    const { value, low, high } = ratioByRound(at(10.5), at(10));
    expect(value).toBeCloseTo(1.05, 2);
    expect(high - low).toBeLessThan(0.02);
    expect(() => ratioByRound([[1], [2]], [[1]])).toThrow('2 of one and 1 of the other');
  });

  it('of rates count what befalls a few blocks by its share', () => {
    const steady = Array.from({ length: 20 }, () => [40]);
    const halting = Array.from({ length: 20 }, (_, block) => [block % 4 === 0 ? 20 : 40]);
    expect(ratioOfMedians(halting, steady).value).toBe(1);
    const { value, low, high } = ratioOfMeans(halting, steady);
    expect(value).toBe(0.875);
    expect(low).toBeGreaterThan(0.75);
    expect(high).toBeLessThan(1);
  });

  it('are the same for the same samples', () => {
    expect(medianOf(near(10, 5))).toEqual(medianOf(near(10, 5)));
  });

  it('draw whole rounds, each as likely as the other', () => {
    const seen = new Set<number>();
    bootstrap(5, (picked) => {
      expect(picked).toHaveLength(5);
      for (const each of picked) seen.add(each);
      return 0;
    });
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('are refused for subjects that were not run in turns', () => {
    expect(() => ratioOfMedians([[1], [2]], [[1]])).toThrow('2 of one and 1 of the other');
  });
});

it('the slope is that of the line of least squares, and 0 of a single point', () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBeCloseTo(2, 10);
  expect(
    slope([
      [0, 0],
      [1, 1],
      [2, 0],
    ]),
  ).toBeCloseTo(0, 10);
  expect(slope([[3, 7]])).toBe(0);
});
