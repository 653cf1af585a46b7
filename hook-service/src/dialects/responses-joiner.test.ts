import fc from 'fast-check';
import { eventsOf, streamProblems, textIn, type Item } from '../../../tests/support/responses-model';
import { ToolturnError } from '../core/errors';
import type { JsonObject } from '../core/json';
import { responses } from './responses';

const clients = ['weather', 'agents.spawn', 'computer_call'];
const isClients = (name: string): boolean => clients.includes(name);
const options = { turn: 'turn0001', isClients, body: {} };
const offered = { type: 'function', name: 'notes__echo', parameters: {}, strict: false };
const own = { type: 'function', name: 'weather', parameters: {}, strict: false };

let counter = 0;
const id = (prefix: string): string => `${prefix}_${counter++}`;
const message = (text: string): Item => ({
  id: id('msg'),
  type: 'message',
  status: 'completed',
  content: [{ type: 'output_text', annotations: [], logprobs: [], text }],
  role: 'assistant',
});
const call = (name: string, written: string = '{"a":1}', more: Item = {}): Item => ({
  id: id('fc'),
  type: 'function_call',
  status: 'completed',
  arguments: written,
  call_id: id('call'),
  name,
  ...more,
});
const reasoning = (text: string): Item => ({
  id: id('rs'),
  type: 'reasoning',
  summary: [{ type: 'summary_text', text }],
  encrypted_content: `ENC:${text}`,
});
const search = (): Item => ({ id: id('ws'), type: 'web_search_call', status: 'completed', action: {} });
const response = (output: Item[], more: Item = {}): Item => ({
  id: id('resp'),
  object: 'response',
  created_at: counter,
  status: 'completed',
  model: 'm',
  output,
  tools: [own, offered],
  tool_choice: 'auto',
  usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, input_tokens_details: { cached_tokens: 2 } },
  ...more,
});

/** Joins rounds, of which the client has seen the first `seen` events already. */
function join(rounds: readonly Item[], seen = 0) {
  const joiner = responses.join(options);
  const shown: Item[] = [];
  const early: string[] = [];
  const calls: string[] = [];
  const read = rounds.map((each, at) => {
    const events = eventsOf(each);
    if (at === 0) {
      joiner.seen(events.slice(0, seen));
      shown.push(...events.slice(0, seen));
    }
    for (const event of events.slice(at === 0 ? seen : 0)) {
      const reading = joiner.push(event);
      shown.push(...reading.out);
      early.push(...reading.calls.map((each) => each.name));
      calls.push(...reading.calls.map((each) => each.name));
    }
    const end = joiner.endRound();
    shown.push(...end.out);
    calls.push(...end.calls.map((each) => each.name));
    return end.round;
  });
  return { joiner, shown, read, early, calls, finish: () => [...shown, ...joiner.finish()] };
}

describe('the rounds of a Responses stream together', () => {
  it('begin once, end once, count on, and list what was shown with the sum of usage', () => {
    const first = response([reasoning('Hm.'), message('Let me see.'), call('notes__echo')]);
    const last = response([message('Done.')]);
    const events = join([first, last]).finish();
    expect(streamProblems(events)).toEqual([]);
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: {
        id: first.id,
        created_at: first.created_at,
        tools: [own],
        usage: { input_tokens: 20, total_tokens: 30, input_tokens_details: { cached_tokens: 4 } },
      },
    });
    expect(textIn(events.at(-1)?.response.output)).toBe('Let me see.|Done.');
    expect(JSON.stringify(events)).not.toMatch(/notes__|function_call/);
  });

  it('give each call out once, as soon as its own arguments are complete', () => {
    const { early, calls, read } = join([response([call('notes__echo'), call('notes__wait', '{}')])]);
    expect(early).toEqual(['notes__echo', 'notes__wait']);
    expect(calls).toEqual(early);
    expect(read[0]?.calls.map((each) => each.arguments)).toEqual(['{"a":1}', '{}']);
  });

  it('start a call before the event that says its arguments are done', () => {
    const joiner = responses.join(options);
    const events = eventsOf(response([call('notes__echo')]));
    const upTo = events.findIndex((event) => event.type === 'response.function_call_arguments.done');
    const given = events.slice(0, upTo).flatMap((event) => joiner.push(event).calls);
    expect(given).toMatchObject([{ name: 'notes__echo', arguments: '{"a":1}' }]);
  });

  it('show the client its own call alone, at an index that leaves no gap', () => {
    const mixed = [call('notes__echo'), call('weather', '{"city":"Bern"}'), call('notes__echo')];
    const { finish, read } = join([response([message('Both.'), ...mixed])]);
    const events = finish();
    expect(streamProblems(events)).toEqual([]);
    expect(events.at(-1)?.response.output.map((item: Item) => item.name ?? item.type)).toEqual([
      'message',
      'weather',
    ]);
    expect(read[0]?.message['output']).toHaveLength(4);
  });

  it('take a call in a namespace for the client’s, and one that only the client can answer', () => {
    const computer = { id: 'cu_1', type: 'computer_call', call_id: 'call_x', action: { type: 'wait' } };
    const { read, finish } = join([
      response([call('spawn', '{}', { namespace: 'agents' }), computer, call('notes__echo')]),
    ]);
    expect(read[0]?.calls.map((each) => each.name)).toEqual(['agents.spawn', 'computer_call', 'notes__echo']);
    expect(finish().at(-1)?.response.output).toHaveLength(2);
  });

  it('let items pass that are no calls, and a hosted shell that brings its own output', () => {
    const shell = { id: 'sh_1', type: 'shell_call', call_id: 'call_s' };
    const output = { id: 'so_1', type: 'shell_call_output', call_id: 'call_s', output: [] };
    const { read } = join([response([search(), shell, output, message('Found.')])]);
    expect(read[0]?.calls).toEqual([]);
  });

  it('make up ids for calls that have none, in every place the same', () => {
    const nameless = [call('weather', '{}', { call_id: '' }), call('notes__echo', '{}', { call_id: '' })];
    const { read, finish } = join([response(nameless)]);
    const [first, second] = read[0]?.calls ?? [];
    expect(new Set(['', first?.id, second?.id]).size).toBe(3);
    const shown = finish().flatMap((event) => event.item?.call_id ?? []);
    expect(new Set(shown)).toEqual(new Set([first?.id]));
    expect(responses.read(response(nameless), 'turn0001', 1).calls).toEqual(read[0]?.calls);
  });

  it('show what only the end of a response names, as LiteLLM’s converters send it', () => {
    const joiner = responses.join(options);
    const text = message('Hi.');
    const whole = response([text, call('notes__echo'), call('weather')]);
    const delta = {
      type: 'response.output_text.delta',
      item_id: 'x',
      output_index: 0,
      content_index: 0,
      delta: 'Hi.',
    };
    expect(joiner.push(delta as JsonObject).out).toMatchObject([{ delta: 'Hi.', output_index: 0 }]);
    joiner.push({ type: 'response.completed', response: whole });
    const { round, calls, out } = joiner.endRound();
    expect(calls.map((each) => each.name)).toEqual(['notes__echo', 'weather']);
    expect(round.calls).toHaveLength(2);
    expect(out).toMatchObject([
      { type: 'response.output_item.added', output_index: 1, item: { name: 'weather' } },
      { type: 'response.output_item.done', output_index: 1, item: { name: 'weather' } },
    ]);
    expect(JSON.stringify(joiner.finish())).not.toContain('notes__');
  });

  it('are kept alive with response.in_progress, once the response has begun', () => {
    const joiner = responses.join(options);
    expect(joiner.keepAlive()).toBeUndefined();
    const events = eventsOf(response([message('Hi.')]));
    joiner.seen(events.slice(0, 2));
    expect(joiner.keepAlive()).toMatchObject({
      type: 'response.in_progress',
      sequence_number: 2,
      response: { status: 'in_progress', tools: [own] },
    });
  });

  it('are kept alive with all that was shown, and not while the model writes an item', () => {
    const { joiner, shown } = join([response([message('Well.'), call('notes__echo')])]);
    expect(joiner.keepAlive()).toMatchObject({
      type: 'response.in_progress',
      sequence_number: shown.length,
      response: { output: [{ type: 'message', content: [{ text: 'Well.' }] }] },
    });
    const [created, begun, added] = eventsOf(response([message('Done.')])) as [Item, Item, Item];
    for (const event of [created, begun, added]) joiner.push(event);
    expect(joiner.keepAlive()).toBeUndefined();
  });

  it('end with a note of ours as one more message', () => {
    const { joiner, shown } = join([response([call('notes__echo')])]);
    const events = [...shown, ...joiner.note('No answer.'), ...joiner.finish()] as Item[];
    expect(streamProblems(events)).toEqual([]);
    expect(textIn(events.at(-1)?.response.output)).toBe('No answer.');
  });

  it('end as failed and as an error where they cannot go on, with what was shown so far', () => {
    const { joiner, shown } = join([response([message('Well.'), call('notes__echo')])]);
    const failed = joiner.fail?.(new ToolturnError('upstream_failed', 'Overloaded.', { status: 429 })) ?? [];
    expect(streamProblems([...shown, ...failed.slice(0, 1)])).toEqual([]);
    expect(failed).toMatchObject([
      {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'Overloaded.' } },
      },
      { type: 'error', message: 'Overloaded.', code: '429', error: { message: 'Overloaded.' } },
    ]);
    expect(JSON.stringify(failed)).not.toContain('notes__');
  });

  it('end as the provider says when the provider fails', () => {
    const joiner = responses.join(options);
    const broken = { status: 'failed', error: { code: 'server_error', message: 'On fire.' } };
    const events = eventsOf(response([], broken));
    const push = (): void => events.forEach((event) => void joiner.push(event));
    expect(push).toThrow('On fire.');
    expect(joiner.fail?.(new ToolturnError('upstream_failed', 'On fire.'))).toMatchObject([
      { type: 'response.failed', response: broken },
    ]);
  });

  it.each([
    ['an error event', { type: 'error', code: 'server_error', message: 'On fire.', param: null }],
    ['an error event with a nested error', { type: 'error', error: { message: 'On fire.' } }],
  ])('are broken off by %s', (_what, event) => {
    expect(() => responses.join(options).push(event as JsonObject)).toThrow('On fire.');
  });

  it('are broken off by a stream that just ends', () => {
    const joiner = responses.join(options);
    for (const event of eventsOf(response([message('Hi.')])).slice(0, -1)) joiner.push(event);
    expect(() => joiner.endRound()).toThrow(/broke off/);
  });
});

describe('any rounds of a Responses stream', () => {
  const text = fc.string({ minLength: 1, maxLength: 20 });
  const passing = fc.oneof(text.map(reasoning), text.map(message), fc.constant(0).map(search));
  const ours = fc.jsonValue().map((value) => call('notes__echo', JSON.stringify({ value })));
  const theirs = fc.constantFrom('weather').map((name) => call(name));
  const hiddenRound = fc
    .tuple(fc.array(passing), fc.array(ours, { minLength: 1 }))
    .map((parts) => parts.flat());
  const lastRound = fc.array(fc.oneof(passing, ours, theirs));
  const turns = fc
    .tuple(fc.array(hiddenRound, { maxLength: 3 }), lastRound)
    .map(([hidden, last]) => [...hidden, last].map((items) => response(items)));

  it('are one well-formed stream, the same wherever the door began to hand events over', () => {
    fc.assert(
      fc.property(turns, fc.nat(), (rounds, cut) => {
        const events = eventsOf(rounds[0] ?? {});
        const firstCall = events.findIndex((event) => event.item?.type === 'function_call');
        const whole = join(rounds).finish();
        expect(streamProblems(whole)).toEqual([]);
        expect(JSON.stringify(whole)).not.toContain('notes__');
        const most = firstCall === -1 ? events.length - 1 : firstCall;
        const later = join(rounds, cut % (most + 1)).finish();
        // What the door passes on still holds the echoed tool list; hook-service takes ours out of it.
        const shown = (list: readonly Item[]): Item[] => list.filter((event) => event.response === undefined);
        expect(shown(later)).toEqual(shown(whole));
        expect(later.at(-1)).toEqual(whole.at(-1));
      }),
    );
  });

  it('come to what the same rounds come to without a stream', () => {
    fc.assert(
      fc.property(turns, (rounds) => {
        const { read, finish } = join(rounds);
        const plain = rounds.map((each, at) => responses.read(each, 'turn0001', at + 1));
        const strip = (list: typeof read) => list.map(({ response: _response, ...rest }) => rest);
        expect(strip(read)).toEqual(strip(plain));
        const handBack = (plain.at(-1)?.calls ?? []).filter((each) => isClients(each.name));
        const answer = responses.finish(plain, handBack, undefined, isClients);
        // But for the id: a stream has said it before the last round was made.
        expect(finish().at(-1)?.response).toEqual({ ...answer, id: rounds[0]?.id });
      }),
    );
  });
});
