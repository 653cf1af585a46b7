import { waterfallText, type Step } from './trace-waterfall';

const step = (more: Partial<Step>): Step => ({
  name: 'round 1',
  from: 0,
  ms: 100,
  waited: 0,
  kind: 'round',
  failed: false,
  note: '',
  ...more,
});

it('draws rounds and calls to scale, with what waits and what failed', () => {
  const text = waterfallText(
    [
      step({ ms: 200, note: '2 calls' }),
      step({ name: 'notes__look_up', kind: 'call', from: 200, ms: 200, waited: 100, note: 'notes' }),
      step({ name: 'notes__fail', kind: 'call', from: 200, ms: 1, failed: true, note: 'notes, tool_error' }),
      step({ name: 'round 2', from: 400, ms: 400 }),
    ],
    800,
  );
  expect(text.split('\n')).toEqual([
    'round 1          |##########                              |    200 ms  2 calls',
    '  notes__look_up |          .....=====                    |    200 ms  notes',
    '  notes__fail    |          x                             |      1 ms  notes, tool_error',
    'round 2          |                    ####################|    400 ms',
  ]);
});

it('never draws beyond its end, and nothing in a name moves the cursor', () => {
  const text = waterfallText(
    [step({ name: 'a\u001b[2Jb', from: 9_999_999, ms: 5 }), step({ from: 0, ms: 0 })],
    10,
  );
  expect(text).not.toContain('\u001b');
  for (const line of text.split('\n')) expect(line).toMatch(/ \|.{40}\| /);
});
