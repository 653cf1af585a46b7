import { traceOf } from './trace';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a trace is taken with its state', () => {
  expect(traceOf({ traceparent, tracestate: 'a=1,b=2' })).toEqual({ traceparent, tracestate: 'a=1,b=2' });
});

test.each([
  ['none', {}],
  ['something else', { traceparent: 'hello' }],
  ['an id of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
  ['the version that is forbidden', { traceparent: traceparent.replace('00-', 'ff-') }],
  ['a state alone', { tracestate: 'a=1' }],
])('%s is no trace', (_case, headers) => {
  expect(traceOf(headers)).toBeUndefined();
});

test('a state that is too long is left out', () => {
  expect(traceOf({ traceparent, tracestate: 'x'.repeat(513) })).toEqual({ traceparent });
});
