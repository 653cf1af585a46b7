import type { ToolProgress } from '../core/ports';
import { progressOptions } from './progress';

function told(notification: object): ToolProgress[] {
  const all: ToolProgress[] = [];
  const request = { onProgress: (progress: ToolProgress) => all.push(progress) };
  const { onprogress } = progressOptions(request);
  onprogress(notification as never);
  return all;
}

test('without a listener progress is asked for all the same: it begins the deadline anew', () => {
  const { onprogress, resetTimeoutOnProgress } = progressOptions({});
  expect(resetTimeoutOnProgress).toBe(true);
  expect(() => onprogress({ progress: 1 })).not.toThrow();
});

test.each([
  [
    'numbers and words',
    { progress: 1, total: 2, message: 'page one' },
    { progress: 1, total: 2, message: 'page one' },
  ],
  ['no number at all', { progress: 'half' }, undefined],
  ['a number that is none', { progress: Number.NaN }, undefined],
  ['a total and a message of another kind', { progress: 1, total: 'ten', message: 7 }, { progress: 1 }],
  [
    'what nobody should read',
    { progress: 1, message: 'got\u0000\n\u202esk-abcdefghijk from http://10.0.0.1/x' },
    { progress: 1, message: 'got (secret) from (address)' },
  ],
])('%s', (_name, notification, progress) => {
  expect(told(notification)).toEqual(progress === undefined ? [] : [progress]);
});

test('a long message is cut', () => {
  expect(told({ progress: 1, message: 'word '.repeat(1000) })[0]?.message?.length).toBeLessThanOrEqual(200);
});
