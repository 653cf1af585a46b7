import { surfaceFor, type SurfacePolicy } from '../core/surface';
import { loadConfig } from './index';
import { sha256 } from './hashes';

function policy(surface: string): SurfacePolicy {
  const text = `toolturn: {surface: ${surface}}`;
  return loadConfig({ path: 'config.yaml', env: {}, readFile: () => Buffer.from(text) }).config.surface;
}

const rules = policy('{default: progress, keys: {team: hidden, abc: native, sk-raw: native}}');
const none = { headers: {}, caller: {} };

test('a raw key is kept as its hash, and one word is the default of all', () => {
  expect(rules.keys.map(({ key }) => key)).toEqual(['team', 'abc', sha256('sk-raw')]);
  expect(policy('native')).toEqual({ default: 'native', keys: [] });
});

test.each([
  ['no rule: the default', none, 'progress'],
  ['a rule for the alias', { headers: {}, caller: { alias: 'team' } }, 'hidden'],
  ['the hash beats the alias', { headers: {}, caller: { alias: 'team', key: 'abc' } }, 'native'],
  [
    'the header beats the key',
    { headers: { 'x-toolturn-surface': ' Native' }, caller: { alias: 'team' } },
    'native',
  ],
])('%s', (_name, request, surface) => {
  expect(surfaceFor(rules, request)).toBe(surface);
});

test.each(['', 'none', 'native,progress'])('the header %p is refused in words that help', (value) => {
  expect(() => surfaceFor(rules, { ...none, headers: { 'x-toolturn-surface': value } })).toThrow(
    /x-toolturn-surface must be one of hidden, progress, native/,
  );
});

test.each([
  ['loud', 'toolturn.surface: must be one of hidden, progress, native'],
  ['{keys: {a: loud}}', 'toolturn.surface.keys.a: must be one of hidden, progress, native'],
  ['{model: native}', 'toolturn.surface.model'],
])('%s is a problem of the config', (surface, problem) => {
  expect(() => policy(surface)).toThrow(problem);
});
