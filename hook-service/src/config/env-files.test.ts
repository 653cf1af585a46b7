import { readEnvFiles } from './env-files';
import { formatProblem, Problems } from './problems';

function read(texts: Record<string, string>, mode?: number) {
  const problems = new Problems();
  const variables = readEnvFiles(
    {
      files: Object.keys(texts),
      readFile: (file) => Buffer.from(texts[file] ?? ''),
      modeOf: () => mode,
    },
    problems,
  );
  const values = Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));
  return { values, problems };
}
const errorsOf = (texts: Record<string, string>): string => {
  try {
    read(texts).problems.finish();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

test('values are what Docker Compose takes them for', () => {
  const text = [
    '\uFEFF# a comment',
    'PLAIN=a b  ',
    'export EXPORTED = x',
    'COMMENTED=x # y',
    'PASSWORD=a#b$c=d',
    "SINGLE='a \\n # b'",
    'DOUBLE="a\\tb \\"c\\" \\\\ \\d" # why',
    'KEY="-----BEGIN',
    '# no comment in here',
    'END-----"',
    'EMPTY=',
    'NOTHING= # only a comment',
    '',
    'TWICE=1',
    'TWICE=2',
  ].join('\r\n');
  expect(read({ env: text }).values).toEqual({
    PLAIN: 'a b',
    EXPORTED: 'x',
    COMMENTED: 'x',
    PASSWORD: 'a#b$c=d',
    SINGLE: 'a \\n # b',
    DOUBLE: 'a\tb "c" \\ \\d',
    KEY: '-----BEGIN\n# no comment in here\nEND-----',
    EMPTY: '',
    NOTHING: '',
    TWICE: '2',
  });
});

test('a later file counts more', () => {
  expect(read({ a: 'A=1\nB=1', b: 'B=2' }).values).toEqual({ A: '1', B: '2' });
});

test('what is no variable is said with its place and without its text', () => {
  const message = errorsOf({ 'a.env': 'A=1\n  canary\n', 'b.env': 'B=2\nC="canary\nD=1\n' });
  expect(message).toBe(
    [
      'a.env:2:3 must be NAME=value, a comment (#), or empty',
      'b.env:2:1 C: its value begins with " and has no end',
    ].join('\n'),
  );
});

test('a file that cannot be read, or is no text, is said', () => {
  const problems = new Problems();
  const missing = Object.assign(new Error('no'), { code: 'ENOENT' });
  const readFile = (file: string): Uint8Array => {
    if (file === 'gone') throw missing;
    return Buffer.from([0xff]);
  };
  readEnvFiles({ files: ['gone', 'odd'], readFile }, problems);
  expect(() => problems.finish()).toThrow('gone cannot be read (ENOENT)\nodd is not UTF-8 text');
});

test.each([
  [0o100_600, []],
  [0o100_400, []],
  [0o100_644, ['env warning: may be read or changed by others (mode 644): chmod 600 env']],
  [0o100_620, ['env warning: may be read or changed by others (mode 620): chmod 600 env']],
])('mode %o gives the warnings %p', (mode, warnings) => {
  expect(read({ env: 'A=1' }, mode).problems.finish().map(formatProblem)).toEqual(warnings);
});
