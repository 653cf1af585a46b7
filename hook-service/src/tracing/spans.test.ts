import type { TurnEvent, TurnFacts } from '../core/observer';
import { contextOf, turnSpan } from '../core/trace';
import { spanMaker, type FinishedSpan } from './spans';

const client = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'a=1' };
const span = turnSpan('t1', client);
const of: TurnFacts = {
  turn: 't1',
  scope: 's',
  dialect: 'chat',
  stream: true,
  model: 'gpt',
  keyAlias: 'alice',
  span,
};
const call = {
  number: 0,
  round: 1,
  id: 'c1',
  name: 'web-fetch',
  server: 'web',
  tool: 'fetch',
  arguments: '{"q":1}',
};
const end = {
  milliseconds: 300,
  waitedMs: 5,
  cached: false,
  cut: false,
  replayed: false,
  bytesIn: 7,
  bytesOut: 6,
  text: 'secret',
};
const turnFinished = {
  type: 'turn_finished',
  end: 'answer',
  milliseconds: 900,
  rounds: 2,
  calls: 1,
  handedBack: 0,
} as const;

function spansOf(events: readonly [TurnEvent, number][], facts = of, content = false): FinishedSpan[] {
  const spans: FinishedSpan[] = [];
  const maker = spanMaker((each) => spans.push(each), { content });
  for (const [event, at] of events) maker.observe({ ...event, of: facts, at });
  return spans;
}

const roundFinished = (round: number): TurnEvent => ({
  type: 'round_finished',
  round,
  milliseconds: 100,
  ours: 1,
  theirs: 0,
  tokens: { input: 10, output: 2, cached: 4 },
  eagerMs: 0,
});

test('a turn is a span in the client’s trace, with its rounds below it, and their calls below these', () => {
  const spans = spansOf([
    [{ type: 'turn_started' }, 1_000],
    [{ type: 'round_started', round: 1 }, 1_000],
    [roundFinished(1), 1_100],
    [{ type: 'call_finished', call, end }, 1_400],
    [turnFinished, 1_900],
  ]);
  const [round, tool, turn] = spans;
  expect(turn).toMatchObject({ name: 'invoke_agent toolturn', kind: 'server', from: 1_000, to: 1_900 });
  expect([turn?.traceId, turn?.parentId]).toEqual(client.traceparent.split('-').slice(1, 3));
  expect(round).toMatchObject({ name: 'chat gpt', parentId: turn?.spanId, from: 1_000, to: 1_100 });
  expect(round?.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 10, 'toolturn.round': 1 });
  expect(tool).toMatchObject({ name: 'tools/call fetch', parentId: round?.spanId, from: 1_100, to: 1_400 });
  expect(tool?.attributes).toMatchObject({ 'gen_ai.tool.name': 'fetch', 'toolturn.server': 'web' });
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(3);
});

test('a request carries the id of the span that it belongs to, before that span is made', () => {
  const [round, tool] = spansOf([
    [roundFinished(2), 1_100],
    [{ type: 'call_finished', call, end }, 1_400],
  ]);
  const { traceId } = span;
  expect(contextOf(span, 'round', 2)).toEqual({
    traceparent: `00-${traceId}-${round?.spanId}-01`,
    tracestate: 'a=1',
  });
  expect(contextOf(span, 'call', 0).traceparent).toBe(`00-${traceId}-${tool?.spanId}-01`);
});

test('arguments and results are in spans only where people have opted in', () => {
  const finished: [TurnEvent, number] = [{ type: 'call_finished', call, end }, 1_400];
  expect(JSON.stringify(spansOf([finished]))).not.toMatch(/secret|"q/);
  expect(spansOf([finished], of, true)[0]?.attributes).toMatchObject({
    'gen_ai.tool.call.arguments': '{"q":1}',
    'gen_ai.tool.call.result': 'secret',
  });
});

test('what failed is marked, and a round that the model did not end is there too', () => {
  const spans = spansOf([
    [{ type: 'call_finished', call, end: { ...end, failure: 'tool_error' } }, 1_400],
    [{ type: 'round_started', round: 2 }, 1_500],
    [{ ...turnFinished, end: 'error' }, 1_900],
  ]);
  expect(spans.map(({ name, error }) => [name, error])).toEqual([
    ['tools/call fetch', 'tool_error'],
    ['chat gpt', 'error'],
    ['invoke_agent toolturn', 'error'],
  ]);
});

test('without a client’s trace a turn has one of its own; a client that wants none kept gets none', () => {
  const own = turnSpan('t2', undefined);
  expect(own).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), sampled: true });
  const [turn] = spansOf([[turnFinished, 1]], { ...of, span: own });
  expect(turn).not.toHaveProperty('parentId');
  const unwanted = turnSpan('t3', { traceparent: client.traceparent.replace(/01$/, '00') });
  expect(spansOf([[turnFinished, 1]], { ...of, span: unwanted })).toEqual([]);
  expect(contextOf(unwanted, 'round', 2).traceparent).toMatch(/-00$/);
});

test('where nobody collects traces, and outside of turns, there are no spans', () => {
  const { span: _span, ...untraced } = of;
  expect(spansOf([[turnFinished, 1]], untraced)).toEqual([]);
});
