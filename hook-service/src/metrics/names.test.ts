import fc from 'fast-check';
import { NameSet, safeName } from './names';

/** What Go's `strconv.ParseFloat`, with which Grafana's plugin tells numbers from text, or JavaScript takes for a number. */
const readsAsNumber = (text: string): boolean =>
  /^[+-]?(?:inf|infinity|nan|0x[\da-f_]*\.?[\da-f_]*(?:p[+-]?\d+)?|[\d_]*\.?[\d_]*(?:e[+-]?\d+)?)$/i.test(
    text,
  ) ||
  (text.trim() !== '' && !Number.isNaN(Number(text)));

const awkward = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme' }),
  fc.double().map(String),
  fc.constantFrom(
    '',
    ' ',
    'nan',
    'NaN',
    '-Infinity',
    '+inf',
    '1e5',
    '1_000',
    '0x1p-2',
    '123',
    '🙂',
    '\ud800',
    'a\tb\nc',
    'true',
  ),
);

describe('a name in metrics', () => {
  it('is one line of well-formed text that no reader takes for a number, whatever it was', () => {
    fc.assert(
      fc.property(awkward, (text) => {
        const name = safeName(text);
        expect(name).not.toBe('');
        expect(readsAsNumber(name)).toBe(false);
        expect(name).not.toMatch(/[\u0000-\u001f\u007f\p{Surrogate}]/u);
        expect([...name].length).toBeLessThanOrEqual(120);
        // What is safe already stays as it is, so that a name means the same everywhere.
        expect(safeName(name)).toBe(name);
      }),
      { numRuns: 2000 },
    );
  });

  it('stays as it is where it is an ordinary one', () => {
    expect(safeName('github-create_issue')).toBe('github-create_issue');
  });

  it('counts as other once there are too many', () => {
    const names = new NameSet(2);
    expect(['a', 'b', 'c', 'a'].map((each) => names.of(each))).toEqual(['a', 'b', 'other', 'a']);
    expect(names.all()).toEqual(['a', 'b']);
  });
});
