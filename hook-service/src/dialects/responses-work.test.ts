import fc from 'fast-check';
import {
  conversationProblem,
  eventsOf,
  streamProblems,
  type Item,
} from '../../../tests/support/responses-model';
import { finished, listed, oneCall, oneCallNotes, progress, started } from '../../../tests/support/work';
import type { JsonObject } from '../core/json';
import type { Surface } from '../core/surface';
import type { Work } from '../core/work';
import { responses } from './responses';

const message = (id: string, text: string): Item => ({
  id,
  type: 'message',
  status: 'completed',
  content: [{ type: 'output_text', annotations: [], logprobs: [], text }],
  role: 'assistant',
});
const call = (id: string, name: string): Item => ({
  id,
  type: 'function_call',
  status: 'completed',
  arguments: '{"a":1}',
  call_id: `call_${id}`,
  name,
});
const response = (output: Item[]): Item => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'm',
  output,
  tools: [],
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
});
const join = (surface: Surface) =>
  responses.join({ turn: 'turn0001', isClients: (name) => name === 'weather', body: {}, surface });

const note = (number: number, text: string): Item => ({
  id: `rs_toolturn_turn0001_${number}`,
  type: 'reasoning',
  summary: [{ type: 'summary_text', text }],
});
const listItem: Item = {
  id: 'mcpl_toolturn_turn0001_0',
  type: 'mcp_list_tools',
  server_label: 'notes',
  tools: [{ name: 'echo', description: 'Says it.', input_schema: { type: 'object' }, annotations: null }],
};
const callItem = (number: number, more: Item = {}): Item => ({
  id: `mcp_toolturn_turn0001_${number}`,
  type: 'mcp_call',
  server_label: 'notes',
  name: 'echo',
  arguments: `{"n":${number}}`,
  output: `result ${number}`,
  error: null,
  status: 'completed',
  approval_request_id: null,
  ...more,
});

describe('tool work in a Responses stream', () => {
  it.each([
    ['progress', [note(0, oneCallNotes)]],
    ['native', [listItem, callItem(0)]],
  ] as const)('%s stands between the rounds, in the stream and at its end', (surface, work) => {
    const joiner = join(surface);
    const first = response([message('msg_1', 'A'), call('fc_1', 'notes__echo')]);
    const shown = eventsOf(first).flatMap((event) => joiner.push(event).out as Item[]);
    shown.push(...(joiner.endRound().out as Item[]));
    shown.push(...oneCall.flatMap((each) => joiner.work(each) as Item[]));
    shown.push(
      ...eventsOf(response([message('msg_2', 'B')])).flatMap((event) => joiner.push(event).out as Item[]),
    );
    joiner.endRound();
    shown.push(...(joiner.finish() as Item[]));
    expect(streamProblems(shown)).toEqual([]);
    expect(shown.at(-1)?.response.output).toEqual([message('msg_1', 'A'), ...work, message('msg_2', 'B')]);
  });

  it('has the events that are documented for a call', () => {
    const joiner = join('native');
    const types = [listed, started(0), progress(0, 1), finished(0, 'No.', true)]
      .flatMap((work) => joiner.work(work))
      .map((event) => event['type']);
    expect(types).toEqual([
      'response.output_item.added',
      'response.mcp_list_tools.in_progress',
      'response.mcp_list_tools.completed',
      'response.output_item.done',
      'response.output_item.added',
      'response.mcp_call.in_progress',
      'response.mcp_call_arguments.delta',
      'response.mcp_call_arguments.done',
      'response.mcp_call.failed',
      'response.output_item.done',
    ]);
  });

  it('never begins inside of an item, and the client’s calls come last, whenever work happens', () => {
    const output = [
      message('msg_1', 'A'),
      call('fc_1', 'notes__echo'),
      call('fc_2', 'weather'),
      message('msg_2', 'B'),
      call('fc_3', 'notes__echo'),
      call('fc_4', 'weather'),
    ];
    const events = eventsOf(response(output));
    const work: Work[] = [listed, started(0), started(1), progress(1, 2), finished(1), finished(0)];
    const times = fc.array(fc.integer({ min: 2, max: events.length }), {
      minLength: work.length,
      maxLength: work.length,
    });
    fc.assert(
      fc.property(times, fc.constantFrom('progress' as const, 'native' as const), (at, surface) => {
        const joiner = join(surface);
        const when = [...at].sort((left, right) => left - right);
        const happens = (position: number): Item[] =>
          work.filter((_each, i) => when[i] === position).flatMap((each) => joiner.work(each) as Item[]);
        const shown = events.flatMap((event, i) => [...happens(i), ...(joiner.push(event).out as Item[])]);
        shown.push(...(joiner.endRound().out as Item[]), ...happens(events.length));
        shown.push(...(joiner.finish() as Item[]));
        expect(streamProblems(shown)).toEqual([]);
        const items: Item[] = shown.at(-1)?.response.output;
        expect(items.slice(-2)).toEqual([call('fc_2', 'weather'), call('fc_4', 'weather')]);
        const ours = items.filter((item) => /_toolturn_/.test(item.id));
        if (surface === 'native') expect(ours).toEqual([listItem, callItem(0), callItem(1)]);
        else
          expect(
            ours
              .map((item) => item.summary[0].text)
              .join('')
              .split('\n'),
          ).toHaveLength(6);
      }),
    );
  });

  it('holds a call of the client’s that only the end of the response names', () => {
    const joiner = join('native');
    const late = response([call('fc_1', 'notes__echo'), call('fc_2', 'weather')]);
    const begun = eventsOf(late).filter((event) => event.output_index === undefined);
    const shown = begun.flatMap((event) => joiner.push(event).out as Item[]);
    shown.push(...(joiner.endRound().out as Item[]));
    for (const each of [started(0), finished(0)]) shown.push(...(joiner.work(each) as Item[]));
    shown.push(...(joiner.finish() as Item[]));
    expect(streamProblems(shown)).toEqual([]);
    expect(shown.at(-1)?.response.output).toEqual([callItem(0), call('fc_2', 'weather')]);
  });
});

describe('tool work in a whole response', () => {
  it.each([
    ['progress', [note(0, oneCallNotes)]],
    ['native', [listItem, callItem(0)]],
  ] as const)('%s stands behind its round and in front of the client’s calls', (surface, shown) => {
    const output = [message('msg_1', 'A'), call('fc_2', 'weather'), call('fc_1', 'notes__echo')];
    const round = responses.read(response(output), 'turn0001', 1);
    const work = { turn: 'turn0001', surface, rounds: [oneCall] };
    const answer = responses.finish([round], round.calls.slice(0, 1), undefined, () => true, work);
    expect(answer['output']).toEqual([message('msg_1', 'A'), ...shown, call('fc_2', 'weather')]);
  });
});

describe('tool work that a Responses client sends back', () => {
  const question = { role: 'user', content: 'Q' };
  const taken = (...input: Item[]): Item[] => responses.takeBack({ input })['input'] as Item[];

  it('goes where it is a note, a list or a reference', () => {
    const { id: _dropped, ...nameless } = note(0, oneCallNotes);
    const reference = { type: 'item_reference', id: 'mcp_toolturn_turn0001_0' };
    const answer = message('msg_1', 'A');
    expect(taken(question, note(0, oneCallNotes), nameless, listItem, reference, answer)).toEqual([
      question,
      answer,
    ]);
  });

  it('becomes calls with their results', () => {
    const items = [callItem(0), callItem(1, { output: null, error: 'No.', arguments: '{"n' })];
    const [first, result, second, error] = taken(...items);
    expect([first, result]).toEqual([
      {
        type: 'function_call',
        call_id: 'call_toolturn_turn0001_0',
        name: 'notes__echo',
        arguments: '{"n":0}',
      },
      { type: 'function_call_output', call_id: 'call_toolturn_turn0001_0', output: 'result 0' },
    ]);
    expect([second, error]).toMatchObject([{ arguments: '{}' }, { output: 'No.' }]);
  });

  it('is well-formed for the provider in any order', () => {
    const pool = [note(0, oneCallNotes), listItem, callItem(0), callItem(1), message('msg_1', 'A')];
    fc.assert(
      fc.property(fc.shuffledSubarray(pool), (items) => {
        expect(conversationProblem(taken(question, ...items), {})).toBeUndefined();
      }),
    );
  });

  it('is not what answers are known by', () => {
    const items = [listItem, callItem(0), message('msg_1', 'A'), note(0, oneCallNotes)];
    const [turn] = responses.history({ input: [question, ...items] }).turns;
    expect(turn).toEqual({ asked: 'Q', said: 'A', calls: [], itemIds: ['msg_1'] });
  });

  it('makes room for the hidden rounds where they are known', () => {
    const start: JsonObject = { input: [question] };
    const round = (output: Item[], number: number) => responses.read(response(output), 'turn0001', number);
    const first = round([message('msg_1', 'A'), call('fc_1', 'notes__echo')], 1);
    const outcome = { call: first.calls[0]!, text: 'result 0', milliseconds: 1 };
    const next = responses.next(start, first, [outcome]);
    const hidden = responses.hidden({
      startBody: start,
      lastBody: next,
      lastRound: round([message('msg_2', 'B')], 2),
      outcomes: [],
    });
    const shown = [
      message('msg_1', 'A'),
      listItem,
      callItem(0),
      note(0, oneCallNotes),
      message('msg_2', 'B'),
    ];
    const body = { input: [question, ...shown, { role: 'user', content: 'Sure?' }] };
    const restored = responses.takeBack(responses.restore(body, new Map([[0, hidden]])));
    const items = restored['input'] as Item[];
    expect(items.map((item) => item.type ?? item.role)).toEqual([
      'user',
      'message',
      'function_call',
      'function_call_output',
      'message',
      'user',
    ]);
    expect(items.slice(0, 4)).toEqual(next['input']);
  });

  it('leaves items of the provider’s own servers alone', () => {
    const foreign = [
      { ...listItem, id: 'mcpl_68a1' },
      { ...callItem(0), id: 'mcp_68a1' },
      { id: 'rs_68a1', type: 'reasoning', summary: [] },
    ];
    const body = { input: [question, ...foreign] };
    expect(responses.takeBack(body)).toBe(body);
    expect(taken(...foreign, callItem(0)).slice(0, 3)).toEqual(foreign);
  });
});
