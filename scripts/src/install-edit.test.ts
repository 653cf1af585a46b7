import fc from 'fast-check';
import { parse } from 'yaml';
import { addEntry, removeEntry } from './install-edit';
import { guardrailEntry } from './install-yaml';

const pii = { guardrail_name: 'pii', litellm_params: { guardrail: 'presidio', mode: 'pre_call' } };
const flowPii = '{guardrail_name: pii, litellm_params: {guardrail: presidio, mode: pre_call}}';

/** What stands in a file, and which entries its section holds. */
const corpus: readonly [string, string, readonly object[]][] = [
  ['no section', '# mine\nmodel_list: [] # none\n', []],
  ['comments at the end', 'model_list: []\n\n# the end\n', []],
  ['no last line break', 'model_list: []', []],
  ['a comment without a last line break', 'model_list: [] # c', []],
  ['CRLF', 'model_list: []\r\nlitellm_settings:\r\n  a: yes\r\n', []],
  ['CRLF without a last line break', 'model_list: []\r\nlitellm_settings:\r\n  a: yes', []],
  ['a byte order mark', '\uFEFFmodel_list: []\n', []],
  ['document marks', '%YAML 1.1\n---\nmodel_list: []\n...\n', []],
  ['indented sections', '  model_list: []\n  x: 0755\n', []],
  ['a text at the end', 'a: |\n  one\n  two\n', []],
  ['a text at the end that keeps its breaks', 'a: |+\n  one\n\n\n', []],
  ['a text at the end without a last line break', 'a: |\n  one', []],
  ['a key that stands twice', 'a: {x: 1}\na: {y: "2"}\n', []],
  ['JSON', '{"model_list": [], "x": {"y": 1}}\n', []],
  ['JSON on lines', '{\n  "model_list": [],\n  "x": 1\n}\n', []],
  ['JSON with a section', `{"guardrails": [${JSON.stringify(pii)}]}`, [pii]],
  ['JSON with null', '{"guardrails": null, "a": 1}\n', []],
  ['an empty section', 'guardrails:\nmodel_list: []\n', []],
  ['an empty section with a comment', 'guardrails: # none yet\n# more\nmodel_list: []\n', []],
  ['an empty section at the end', 'model_list: []\nguardrails:', []],
  ['a null section', 'guardrails: ~ # none\nmodel_list: []\n', []],
  ['an empty flow list', 'guardrails: [] # none\nmodel_list: []\n', []],
  ['an empty flow list with room', 'guardrails: [ ]\n', []],
  ['a flow list', `guardrails: [${flowPii}] # one\nx: 1\n`, [pii]],
  ['a flow list with a comma at its end', `guardrails: [${flowPii}, ]\n`, [pii]],
  ['a flow list on lines', `guardrails: [\n    ${flowPii} # one\n  ]\nx: 1\n`, [pii]],
  ['a flow list on lines with commas', `guardrails: [\n    ${flowPii}, # one\n  ]\nx: 1\n`, [pii]],
  ['a block list', `a: 1\nguardrails:\n  - ${flowPii} # keep\n\n# next\nb: 2\n`, [pii]],
  ['a block list without indentation', `guardrails:\n- ${flowPii}\nb: 2\n`, [pii]],
  ['a block list far in', `guardrails:\n      -   ${flowPii}\nb: 2\n`, [pii]],
  ['a block list at the end', `guardrails:\n  - ${flowPii}`, [pii]],
  [
    'a block list of block maps',
    'guardrails:\n  - guardrail_name: "pii"\n    litellm_params:\n      guardrail: presidio\n      mode: pre_call # c\n      # d\n  # - another\nb: 2\n',
    [pii],
  ],
  ['an entry that ends in a text', 'guardrails:\n  - a: |\n      one\n\nb: 2\n', [{ a: 'one\n' }]],
  ['an entry that ends in nothing', 'guardrails:\n  - a:\n  # c\nb: 2\n', [{ a: null }]],
  ['an anchor', `guardrails: &all\n  - ${flowPii}\nb: 2\n`, [pii]],
];

test.each(corpus)(
  'a config with %s gets the entry, and is the same to the byte without it',
  (_, text, there) => {
    const added = addEntry(text, 'config.yaml');
    if (added === undefined) throw new Error('nothing was added');
    const read = (yaml: string) => parse(yaml, { version: '1.1', uniqueKeys: false, logLevel: 'silent' });
    const { guardrails, ...rest } = read(added.text);
    const { guardrails: before, ...others } = read(text);
    expect(before ?? []).toEqual(there);
    expect(guardrails).toEqual([...there, guardrailEntry]);
    expect(rest).toEqual(others);
    if (text.includes('\r\n')) expect(added.text).not.toMatch(/[^\r]\n/);
    expect(addEntry(added.text, 'config.yaml')).toBeUndefined();
    expect(removeEntry(added.text, 'config.yaml', added)).toBe(text);
  },
);

test('an entry of an edited config goes alone, and a key that came with it stays while others use it', () => {
  const added = addEntry('a: 1\n', 'f');
  if (added === undefined) throw new Error('nothing was added');
  const edited = `# new\n${added.text}  - ${flowPii} # theirs\nb: 2\n`;
  expect(removeEntry(edited, 'f', added)).toBe(`# new\na: 1\nguardrails:\n  - ${flowPii} # theirs\nb: 2\n`);
  expect(removeEntry('a: 1\n', 'f', added)).toBeUndefined();
});

test.each([
  ['broken YAML', 'a: 1\nb: [1\nc: 2\n', /^\/c\.yaml:\d+:\d+ is not valid YAML: .*Correct it/],
  ['two documents', 'a: 1\n---\nb: 2\n', /^\/c\.yaml:\d+:\d+ begins a second YAML document/],
  ['no map', 'just text', /must be a map of sections/],
  ['nothing', '', /must be a map of sections/],
  ['a section that is no list', 'guardrails: {a: 1}\n', /^\/c\.yaml:1:13: guardrails must be a list/],
  ['an alias', 'a: &x []\nguardrails: *x\n', /^\/c\.yaml:2:13: guardrails is an alias/],
  [
    'another entry of the same name',
    'guardrails:\n  - {guardrail_name: toolturn, litellm_params: {guardrail: other.Door}}\n',
    /^\/c\.yaml:2:5: another guardrail is named "toolturn" already/,
  ],
  ['a section by a merge key', `x: &x {guardrails: [${flowPii}]}\n<<: *x\n`, /no place was found/],
])('a config with %s is refused with what to do', (_, text, message) => {
  expect(() => addEntry(text, '/c.yaml')).toThrow(message);
});

test('whatever the formatting, adding and removing gives the same bytes', () => {
  const word = fc.constantFrom(
    'a',
    'yes',
    '"5432"',
    '0755',
    '{x: 1}',
    '[1, two]',
    "'it''s'",
    '|\n   text\n',
    '>-\n   folded\n',
    '',
  );
  const gap = fc.constantFrom('', '\n', '# comment\n', '  # far in\n', '\n\n# two\n\n');
  const tail = fc.constantFrom('', ' # c', '   ');
  const indent = fc.integer({ min: 0, max: 5 }).map((n) => ' '.repeat(n));
  const list = fc.oneof(
    fc.constant(''),
    tail.map((end) => `guardrails:${end}\n`),
    fc
      .tuple(fc.constantFrom('[]', '[ ]', '~', 'null'), tail)
      .map(([value, end]) => `guardrails: ${value}${end}\n`),
    fc
      .tuple(indent, tail, gap, fc.integer({ min: 1, max: 3 }))
      .map(
        ([space, end, between, n]) => `guardrails:\n${`${space}- ${flowPii}${end}\n${between}`.repeat(n)}`,
      ),
    fc
      .tuple(
        fc.constantFrom('', ' ', '\n    '),
        fc.constantFrom('', ',', ' ,'),
        fc.integer({ min: 1, max: 3 }),
      )
      .map(
        ([room, comma, n]) =>
          `guardrails: [${room}${Array(n).fill(flowPii).join(`,${room}`)}${comma}${room}]\n`,
      ),
  );
  const sections = (name: string) =>
    fc
      .tuple(word, tail, gap)
      .map(([value, end, after]) =>
        value.endsWith('\n') ? `${name}: ${value}${after}` : `${name}: ${value}${end}\n${after}`,
      );
  fc.assert(
    fc.property(
      sections('one'),
      list,
      sections('two'),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (one, ours, two, crlf, open, last) => {
        let text = last ? one + two + ours : one + ours + two;
        if (open) text = text.replace(/\n+$/, '');
        if (crlf) text = text.replaceAll('\n', '\r\n');
        const added = addEntry(text, 'f');
        expect(added).toBeDefined();
        expect(added && removeEntry(added.text, 'f', added)).toBe(text);
      },
    ),
    { numRuns: 600 },
  );
});

// To PyYAML the text would gain a line break.
test.each(['a: |\n  one', 'guardrails:\n  - a: |\n      one'])(
  'nothing is added behind an open text: %j',
  (text) => {
    expect(addEntry(text, 'f')?.text.endsWith('a: |' + text.split('a: |')[1])).toBe(true);
  },
);
