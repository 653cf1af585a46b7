import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeEnv, changeEnvFile, parseEnv } from './env-file';

describe('the text of an env file', () => {
  it('is read without quotes, comments and what is no assignment', () => {
    const text = `# a comment\nA=1\nexport B="two words"\nC='x # y'\nD=plain # with a comment\nno line\nE=\r\n`;
    expect([...parseEnv(text)]).toEqual([
      ['A', '1'],
      ['B', 'two words'],
      ['C', 'x # y'],
      ['D', 'plain'],
      ['E', ''],
    ]);
  });

  it.each([
    ['a value', 'A=1\n# b\nB=2\n', { A: '9' }, 'A=9\n# b\nB=2\n'],
    ['a new one behind its example', '# what A is\n#A=\nB=2\n', { A: '9' }, '# what A is\n#A=\nA=9\nB=2\n'],
    ['a new one at the end', 'B=2', { A: '9' }, 'B=2\nA=9\n'],
    ['a name that stands twice', 'A=1\nA=2\n', { A: '9' }, 'A=9\nA=9\n'],
    ['export', 'export A=1\n', { A: '9' }, 'export A=9\n'],
    ['what goes', 'A=1\n#A=\nB=2\n', { A: undefined }, '#A=\nB=2\n'],
    ['line breaks', 'A=1\r\nB=2\r\n', { B: '3' }, 'A=1\r\nB=3\r\n'],
    ['a value with signs', 'A=1\n', { A: 'p$w #1' }, "A='p$w #1'\n"],
  ])('changes %s and nothing else', (_, before, changes, after) => {
    expect(changeEnv(before, changes)).toBe(after);
    for (const [name, value] of Object.entries(changes)) expect(parseEnv(after).get(name)).toBe(value);
  });

  it('takes no value of several lines', () => {
    expect(() => changeEnv('', { A: 'x\nB=evil' })).toThrow('The value of A must be one line.');
    expect(() => changeEnv('', { A: "it's $x" })).toThrow('choose another');
  });
});

it('an env file is closed to others when it is changed, and can be put back to the byte', () => {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-env-'));
  try {
    const file = join(dir, 'a.env');
    writeFileSync(file, '# mine\nA=1', { mode: 0o644 });
    const back = changeEnvFile(file, { A: '2' });
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['# mine\nA=2\n', 0o600]);
    back();
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['# mine\nA=1', 0o644]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
