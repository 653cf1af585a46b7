import { applyEdits } from './edit';
import { lineDiff } from './report';
import { maskLine } from './secrets';
import { YamlSource } from './yaml-source';

const edited = (source: YamlSource, edits: Parameters<typeof applyEdits>[1]): string =>
  applyEdits(source.text, edits).text;

describe('an edit of a YAML file', () => {
  const at = (source: YamlSource, ...path: [string, ...string[]]) => {
    const entry = source.get(...path);
    if (entry === undefined) throw new Error(`There is no ${path.join('.')}`);
    return entry;
  };

  it('puts lines into a map with its indent and the line breaks of the file', () => {
    const source = new YamlSource('a.yaml', 'a:\r\n    # first\r\n    b: 1\r\n');
    expect(edited(source, source.insertInside(at(source, 'a').at, ['c: 2']))).toBe(
      'a:\r\n    # first\r\n    c: 2\r\n    b: 1\r\n',
    );
  });

  it('takes out an entry with all below it and its comment, and a map that would be empty with its name', () => {
    const source = new YamlSource('a.yaml', 'a:\n  b:\n    c: 1 # one\nd: 2 # two\n');
    expect(edited(source, source.removeEntry(at(source, 'a', 'b').at))).toBe('d: 2 # two\n');
  });

  it('takes out the last line of a file without a line break at its end', () => {
    const source = new YamlSource('a.yaml', 'a: 1\nb: 2');
    expect(edited(source, source.removeEntry(at(source, 'b').at))).toBe('a: 1\n');
  });

  it('leaves a map in braces alone, whose lines are no lines of its own', () => {
    const source = new YamlSource('a.yaml', 'a: {b: {c: 1}}\n');
    expect(source.removeEntry(at(source, 'a', 'b').at)).toEqual([]);
    expect(source.insertInside(at(source, 'a').at, ['d: 2'])).toEqual([]);
  });

  it('replaces a value and keeps its comment', () => {
    const source = new YamlSource('a.yaml', 'a: "x y" # why\n');
    expect(edited(source, source.replaceScalar(at(source, 'a').value.at, 'z'))).toBe('a: z # why\n');
  });

  it('appends behind a last line that has no line break', () => {
    const source = new YamlSource('a.yaml', 'a: 1');
    expect(edited(source, [source.append(['b: 2'])])).toBe('a: 1\nb: 2\n');
  });

  it('gives way where another one has changed the same characters, and is done once where it stands twice', () => {
    const edit = { file: 'a', start: 1, end: 3, text: 'X' };
    const { text, applied } = applyEdits('abcd', [edit, { ...edit, start: 2, end: 4 }, edit]);
    expect({ text, applied }).toEqual({ text: 'aXd', applied: [edit] });
  });
});

test('a diff shows what goes and what comes, and nothing else', () => {
  expect(lineDiff(['a', 'b', 'c', 'd'], ['a', 'x', 'c', 'd', 'e'])).toEqual(['- b', '+ x', '+ e']);
});

test.each([
  ['KEY=sk-abcdef123', 'KEY=sk-***'],
  ['url: postgresql://user:pa/ss@db:5432/x', 'url: postgresql://user:***@db:5432/x'],
  ['  password: "correct horse"', '  password: "***"'],
  ['url: redis://:/begins@db', 'url: redis://:***@db'],
  ['  TOKEN: ${FILES_TOKEN}', '  TOKEN: ${FILES_TOKEN}'],
  ['  api_key: os.environ/OPENAI_API_KEY', '  api_key: os.environ/OPENAI_API_KEY'],
  ['  max_tokens: 1000000', '  max_tokens: 1000000'],
  ['  note: hunter2', '  note: ***'],
])('of the line %p is shown %p', (line, shown) => {
  expect(maskLine(line, ['hunter2'])).toBe(shown);
});
