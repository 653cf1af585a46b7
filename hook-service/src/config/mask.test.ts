import { loadConfig } from './load';

const load = (yaml: string) =>
  loadConfig({ path: '/c.yaml', env: {}, readFile: () => Buffer.from(yaml) }).config.secretPatterns;
const problemOf = (yaml: string): string => {
  try {
    load(yaml);
    return 'none';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
};

it('reads patterns of secrets, and masks tokens of known form unless told not to', () => {
  expect(load('model_list: []')).toEqual({ known: true, patterns: [] });
  const yaml = `toolturn:
  mask_known_tokens: false
  mask:
    - {name: ticket, pattern: 'T-[0-9]{4}', tools: ['crm__*'], replace: '[ticket]'}
`;
  expect(load(yaml)).toEqual({
    known: false,
    patterns: [{ name: 'ticket', pattern: 'T-[0-9]{4}', tools: ['crm__*'], replace: '[ticket]' }],
  });
});

it.each([
  [
    "{name: a, pattern: '(T'}",
    /:4:\d+ toolturn\.mask\[1\]\.pattern: is no regular expression of RE2.*missing closing \)/,
  ],
  ["{name: a, pattern: '(?=T)'}", /:4:\d+ toolturn\.mask\[1\]\.pattern: .*\(\?=/],
  ["{name: a, pattern: 'T*'}", /:4:\d+ toolturn\.mask\[1\]\.pattern: .*empty text/],
  ["{name: 'a b', pattern: 'T'}", /toolturn\.mask\[1\]\.name: must be a name of letters/],
  ["{name: first, pattern: 'T'}", /toolturn\.mask\[1\]\.name: is the name of another pattern too/],
  [
    "{name: a, pattern: 'T', tool: x}",
    /toolturn\.mask\[1\]\.tool: is no setting of Toolturn.*did you mean "tools"/,
  ],
])('says where %s is wrong, with its line', (entry, wanted) => {
  expect(problemOf(`toolturn:\n  mask:\n    - {name: first, pattern: x}\n    - ${entry}\n`)).toMatch(wanted);
});
