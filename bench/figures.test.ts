import { figure, judged, type RowResult } from './figures';

const draft = { what: 'p50', subject: 'one', against: 'other', unit: 'ratio', of: [] } as const;
const ratio = (value: number, low: number, high: number, reach?: { most: number } | { least: number }) =>
  figure({ ...draft, value, low, high, ...(reach === undefined ? {} : { reach }) });

it('a figure reaches what it is at most, as it is printed', () => {
  expect(ratio(1.034, 1.02, 1.05, { most: 1.03 }).verdict).toBe('reached');
  expect(ratio(1.036, 1.02, 1.05, { most: 1.03 }).verdict).toBe('missed');
});

it('a figure reaches what it is at least', () => {
  expect(ratio(0.98, 0.97, 0.99, { least: 0.97 }).verdict).toBe('reached');
  expect(ratio(0.9, 0.89, 0.91, { least: 0.97 }).verdict).toBe('missed');
});

it('a figure that could as well lie on the other side is too noisy', () => {
  expect(ratio(1, 0.9, 1.1, { most: 1.03 }).verdict).toBe('too noisy');
  expect(ratio(1.1, 0.95, 1.3, { most: 1.03 }).verdict).toBe('too noisy');
});

it('a noisy figure that is far from its reach still counts', () => {
  expect(ratio(0.4, 0.3, 0.6, { most: 0.75 }).verdict).toBe('reached');
  expect(ratio(2, 1.5, 2.6, { most: 1.03 }).verdict).toBe('missed');
});

it('an interval that is no number is too wide, and a figure without a reach is measured', () => {
  expect(ratio(Number.NaN, 0.9, 1.1, { most: 1.03 }).verdict).toBe('too noisy');
  expect(ratio(2, 1, 9).verdict).toBe('measured');
});

it('other figures are compared with half their reach', () => {
  const added = (low: number, high: number) =>
    figure({ ...draft, unit: 'ms', value: 2.8, low, high, reach: { most: 3 } }).verdict;
  expect(added(2.6, 3.1)).toBe('reached');
  expect(added(1.5, 4)).toBe('too noisy');
});

it('time that work takes away instead of adding it is noise', () => {
  const added = (value: number) =>
    figure({ ...draft, unit: 'ms', value, low: value - 1, high: value + 1, reach: { most: 3 } }).verdict;
  expect(added(-10)).toBe('too noisy');
  expect(added(-0.2)).toBe('reached');
});

it('while others used much of the machine, no verdict counts but those that are far from their reach, or counted', () => {
  const row = (others: number): RowResult => ({
    name: 'row',
    title: 'Row',
    figures: [
      ratio(1, 0.99, 1.01, { most: 1.03 }),
      ratio(0.4, 0.39, 0.41, { most: 0.75 }),
      ratio(1, 1, 1, { most: 1 }),
      ratio(2, 1.9, 2.1),
    ],
    notes: [],
    seconds: 1,
    others,
  });
  const verdicts = (others: number) => judged(row(others)).figures.map(({ verdict }) => verdict);
  expect(verdicts(0.05)).toEqual(['reached', 'reached', 'reached', 'measured']);
  expect(verdicts(0.5)).toEqual(['too noisy', 'reached', 'reached', 'measured']);
});
