import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { columns, decimal, keyFields, modelFields, rowOf, toolFields } from './fields';

const page = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'metrics.md'), 'utf8');

/** The words in backticks of a piece of the page. */
const words = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '');
const section = (title: string): string =>
  page.split(`### toolturn:ts:${title}\n`)[1]?.split('\n##')[0] ?? '';
const firstCells = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] ?? '')
    .join(' ');
const cell = (key: string): string[] =>
  words(page.split(`| \`${key}\` |`)[1]?.split('|')[0] ?? '').filter((word) => /^[a-z_]+$/.test(word));
const isField = (word: string): boolean => /^[a-z_0-9]+$/.test(word);
const names = (kind: keyof typeof columns): string[] => columns[kind].map(([name]) => name).sort();

describe('docs/metrics.md', () => {
  it('names every field of every stream of time, and no other', () => {
    expect(words(firstCells(section('rollup'))).sort()).toEqual(names('all'));
    expect(words(section('tool:\\<tool\\>')).filter(isField).sort()).toEqual(names('tool'));
    expect(words(section('server:\\<server\\>')).filter(isField).sort()).toEqual(names('server'));
    expect(words(section('key:\\<key\\>')).filter(isField).sort()).toEqual(names('key'));
    expect(words(section('model:\\<model\\>')).filter(isField).sort()).toEqual(names('model'));
  });

  it('names the fields of sums by tool, key and model', () => {
    expect(cell('toolturn:tool:<tool>')).toEqual([...toolFields]);
    expect(cell('toolturn:model:<model>')).toEqual([...modelFields]);
    expect(keyFields.length).toBe(columns.key.length);
  });
});

describe('a row', () => {
  it('has every field with a finite number, also where nothing was counted', () => {
    for (const kind of ['all', 'tool', 'server', 'key', 'model'] as const) {
      const row = rowOf(kind, new Map([['calls', Number.NaN]]));
      expect(row).toHaveLength(columns[kind].length);
      for (const [, value] of row) expect(value).toBe('0');
    }
  });

  it('writes numbers without exponent', () => {
    expect([1e-7, 0.1 + 0.2, 12, 1e21, -0, Infinity, 1e18 + 0.5].map(decimal)).toEqual([
      '0.0000001',
      '0.3',
      '12',
      '0',
      '0',
      '0',
      '1000000000000000000',
    ]);
  });
});
