import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { Problems } from '../../hook-service/src/config/problems';
import { Values } from '../../hook-service/src/config/values';
import { readYaml } from '../../hook-service/src/config/yaml-reader';

/** LiteLLM reads its config with PyYAML; hook-service reads the same file and must see the same. */
const venv = process.env['TOOLTURN_LITELLM_VENV'] ?? path.resolve(__dirname, '../../.toolturn/venv');

const oneByOne = [
  ...[
    'on',
    'On',
    'oN',
    'off',
    'OFF',
    'yes',
    'Yes',
    'YES',
    'no',
    'y',
    'n',
    'Y',
    'N',
    'true',
    'True',
    'tRUE',
    'false',
  ],
  ...[
    '0',
    '07',
    '08',
    '0o7',
    '010',
    '-010',
    '0b101',
    '0x1F',
    '0xZ',
    '1_000',
    '_1',
    '+12',
    '-0',
    '1__0',
    '00',
  ],
  ...['1:30', '1:30:00', '01:30', '1:60', '-1:30', '1:30.5', '22:22', '0:1', '12:34:56.7'],
  ...[
    '1.5',
    '1.',
    '.5',
    '1e3',
    '1.5e3',
    '1.5e+3',
    '.5e-2',
    '1_0.5',
    '.inf',
    '-.Inf',
    '.INF',
    '+.inf',
    '1.2.3',
    '.',
  ],
  ...[
    '~',
    'null',
    'Null',
    'NULL',
    'nULL',
    '',
    'none',
    'None',
    '""',
    "''",
    '!!str 3',
    '!!str',
    '!!int "3"',
    '! 12',
  ],
  ...['!!float 3', '!!bool "yes"', '!!null ""', '!!str yes', '!!int 0x10'],
  ...[
    '2001-01-01',
    '2001-1-1',
    '2001-01-01T02:03:04Z',
    '2001-01-01 02:03:04',
    '2001-12-14t21:59:43.10-05:00',
  ],
  ...['2001-12-14 21:59:43.1 +5', '2001-1-1 1:02:03', '2001-01-01T1:2:3', '20010101', '2001-01-01 x'],
  ...[
    '"a\\tb\\x41\\u00e4"',
    "'it''s'",
    '"on"',
    "'1'",
    'a: b'.replace(': ', ':'),
    'http://h:80/x',
    'os.environ/X',
    '${X}',
  ],
  ...[
    '- x'.slice(2),
    '-x',
    '?x',
    ':x',
    'a#b',
    'a #b',
    '[]',
    '{}',
    '[a, b,]',
    '{a: 1, b}',
    '{"a":1}',
    '[a: b]',
    '<<',
  ],
  ...[
    '|\n  a\n   b\n',
    '>\n  a\n  b\n\n  c\n',
    '|-\n  a\n',
    '|+\n  a\n\n',
    '|2\n   a\n',
    '>-\n  a\n   b\n  c\n',
  ],
  ...['a\n  b\n\n  c', '"a\n  b\\\n  c"', "'a\n  b'", 'on\n  off', '"\\/"', 'ä ö 😀', '\u00a0x'],
];

const documents = [
  ...oneByOne.map((source) => `v: ${source}\n`),
  'a: 1\nb: 2\na: 3\n',
  'm: {x: 1, x: 2}\nl: [{y: 1, y: 2}]\n',
  'base: &b {x: 1, y: 2}\nm: {<<: *b, y: 3}\n',
  'm: {y: 3, <<: {x: 1, y: 2}}\n',
  'a: &a {x: 1}\nb: &b {x: 2, y: 2}\nm: {<<: [*a, *b], z: 3}\nn: {<<: [*b, *a]}\n',
  'm:\n  <<: {x: 1}\n  <<: {x: 2, y: 2}\n',
  'a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n',
  'm: {"<<": {x: 1}}\n',
  'a: &x 1\nb: &x 2\nc: *x\n',
  'a: &l [1, on]\nb: *l\n',
  'on: 1\n7: 2\nnull: 3\n1.5: 4\n2001-01-01: 5\n0x10: 6\n',
  'yes: 1\non: 2\n',
  '? a\n: b\n? c\n',
  '%YAML 1.1\n---\nv: on\n',
  '%YAML 1.2\n---\nv: on\n',
  '--- {v: 010}\n...\n',
  '\ufeffv: 1\n',
  'v: 1\r\nw:\r\n  - a\r\n  - b\r\n',
  'v:\n- a\n-\n- - b\n  - c\n- {}\n',
  'v: !!map {a: 1}\nw: !!seq [1]\n',
  '# comment\nv: a # comment\n',
  'mcp_servers:\n  fs:\n    command: "npx"\n    args: ["-y", "x", "/data"]\n    env: {PORT: "5432", T: os.environ/T}\n',
];

const broken = [
  ...[
    'v: [${A}]\n',
    'v: {a: ${A}}\n',
    'v:\n\t- a\n',
    'v: @x\n',
    'v: `x\n',
    'v: %x\n',
    'v: "x\n',
    'v: [a\n',
    'v: a: b\n',
  ],
  ...[
    'v: *nope\n',
    'a: 1\n---\nb: 2\n',
    'v: 1\n w: 2\n',
    'v: 2001-02-31\n',
    'v: =\n',
    'v: !odd x\n',
    'v: {<<: 3}\n',
    '? [a]\n: b\n',
  ],
];

/** What PyYAML makes of each document: `{"value": …}` or `{"error": true}`. */
function readWithPython(texts: readonly string[]): unknown[] {
  const program = `
import datetime, json, math, sys, yaml
def plain(v):
    if isinstance(v, dict): return {"map": [[name(k), plain(x)] for k, x in v.items()]}
    if isinstance(v, list): return [plain(x) for x in v]
    if isinstance(v, (datetime.date, datetime.datetime)): return {"date": millis(v)}
    if isinstance(v, float) and not math.isfinite(v): return {"float": str(v)}
    return v
def millis(v):
    if not isinstance(v, datetime.datetime): v = datetime.datetime(v.year, v.month, v.day)
    if v.tzinfo is None: v = v.replace(tzinfo=datetime.timezone.utc)
    return round(v.timestamp() * 1000)
def name(k):
    if isinstance(k, (datetime.date, datetime.datetime)): return str(millis(k))
    return k if isinstance(k, str) else json.dumps(k)
def read(text):
    try: return {"value": plain(yaml.safe_load(text))}
    except Exception: return {"error": True}
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
`;
  const output = execFileSync(path.join(venv, 'bin', 'python'), ['-c', program], {
    input: JSON.stringify(texts),
  });
  return JSON.parse(String(output)) as unknown[];
}

/** The same of ours. */
function readHere(text: string): unknown {
  const problems = new Problems();
  const values = new Values({ X: 'os.environ/X', T: 'os.environ/T' }, problems);
  const file = readYaml(text, 'config.yaml', problems);
  const map = (file?.keys ?? []).map((key) => {
    const entry = file?.find(key);
    return [nameOf(key), comparable(entry && values.take(entry, [key]))];
  });
  try {
    problems.finish();
    return { value: { map } };
  } catch {
    return { error: true };
  }
}

function nameOf(key: string): string {
  return /^\d{4}-.*Z$/.test(key) ? String(Date.parse(key)) : key;
}

function comparable(value: unknown): unknown {
  if (value instanceof Date) return { date: value.getTime() };
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === 'object' && value !== null) {
    return { map: Object.entries(value).map(([key, inner]) => [key, comparable(inner)]) };
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    return { float: String(value).replace('Infinity', 'inf') };
  return Object.is(value, -0) ? 0 : value;
}

describe('YAML as PyYAML reads it', () => {
  const expected = readWithPython(documents);

  test.each(documents.map((text, index) => [text, expected[index]]))('%j', (text, value) => {
    expect(readHere(text)).toEqual(value);
  });

  test.each(broken)('refuses %j, as PyYAML does', (text) => {
    expect(readWithPython([text])).toEqual([{ error: true }]);
    expect(readHere(text)).toEqual({ error: true });
  });
});
