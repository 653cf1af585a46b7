import { injectModeFor, type InjectPolicy } from '../core/limits';
import { loadConfig } from './index';

function policy(inject: string): InjectPolicy {
  const text = `toolturn: {inject: ${inject}}`;
  return loadConfig({ path: 'config.yaml', env: {}, readFile: () => Buffer.from(text) }).config.inject;
}

const rules = policy(
  '{default: off, models: {gpt-*: auto, gpt-4o: on_request}, keys: {team: off, abc: auto}}',
);

test.each([
  ['no rule: the default', { model: 'claude' }, 'off'],
  ['a glob', { model: 'gpt-5' }, 'auto'],
  ['the exact name beats a glob that stands before it', { model: 'gpt-4o' }, 'on_request'],
  ['a key beats a model', { model: 'gpt-5', keyAlias: 'team' }, 'off'],
  ['the hash beats the alias', { model: 'x', keyAlias: 'team', keyHash: 'abc' }, 'auto'],
  ['an unknown key changes nothing', { model: 'gpt-5', keyAlias: 'other', keyHash: 'def' }, 'auto'],
])('%s', (_name, request, mode) => {
  expect(injectModeFor(rules, request)).toBe(mode);
});

test.each([
  ['*', '', true],
  ['*', 'anything', true],
  ['a*', 'ba', false],
  ['*a', 'ba', true],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['openai/*', 'openai/gpt-4o', true],
  ['gpt.4', 'gpt-4', false],
])('the pattern %p and the model %p: %p', (pattern, model, fits) => {
  const one: InjectPolicy = { default: 'off', models: [{ pattern, mode: 'auto' }], keys: [] };
  expect(injectModeFor(one, { model })).toBe(fits ? 'auto' : 'off');
});

test('a pattern of many stars is answered at once', () => {
  const one: InjectPolicy = {
    default: 'off',
    models: [{ pattern: '*a'.repeat(200) + 'b', mode: 'auto' }],
    keys: [],
  };
  expect(injectModeFor(one, { model: 'a'.repeat(10_000) })).toBe('off');
});
