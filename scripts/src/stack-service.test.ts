import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './paths';
import { addStackService } from './stack-service';

const add = (text: string) => addStackService(text, 'stack.yml', 'clock', '../mcp/clock/compose.yml');
const lines = [
  '  mcp-clock:',
  '    extends: { file: ../mcp/clock/compose.yml, service: mcp-clock }',
  '    profiles: [clock, all]',
];

test('a server comes behind the others of compose/stack.yml, and no other line changes', () => {
  const before = readFileSync(join(root, 'compose', 'stack.yml'), 'utf8');
  const after = add(before);
  const at = after.indexOf(lines.join('\n'));
  expect(after.slice(0, at) + after.slice(at + lines.join('\n').length + 1)).toBe(before);
  expect(Object.keys(parse(after).services).at(-1)).toBe('mcp-clock');
  expect(add(after)).toBe(after);
});

test('the services may be the end of the file, without a line break', () => {
  expect(add('services:\n  a: { image: x }')).toBe(`services:\n  a: { image: x }\n${lines.join('\n')}`);
});

test.each(['networks: {}', 'services: {}', 'services: { a: { image: x } }'])(
  'a stack without a place for it is left alone: %s',
  (text) => {
    expect(() => add(text)).toThrow(
      /^stack\.yml: no place was found for the service mcp-clock\. Add it by hand/,
    );
  },
);
