import fc from 'fast-check';
import { conversationProblem, type Item } from '../../../tests/support/responses-model';
import type { Outcome } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { answerKeys, HistoryReader } from '../core/memory';
import { responses } from './responses';

const user = (text: string): Item => ({ role: 'user', content: text });
const message = (id: string, text: string): Item => ({
  id,
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', annotations: [], logprobs: [], text }],
});
const call = (id: string, name = 'notes__echo'): Item => ({
  id: `fc_${id}`,
  type: 'function_call',
  status: 'completed',
  arguments: '{"n":1}',
  call_id: id,
  name,
});
const output = (id: string, text = `result of ${id}`): Item => ({
  type: 'function_call_output',
  call_id: id,
  output: text,
});
const reasoning = (id: string): Item => ({
  id,
  type: 'reasoning',
  summary: [{ type: 'summary_text', text: 'Hm.' }],
  encrypted_content: `ENC:${id}`,
});

/** A ledger, and a client whose turns go through it. */
class Conversation {
  readonly kept = new Map<string, JsonObject>();
  private turns = 0;

  /** Plays a turn: `rounds` are the model's outputs. Gives the response the client gets. */
  turn(request: Item, rounds: readonly Item[][], clients: string[] = []): Item {
    const turn = `turn${(this.turns += 1)}`;
    const { body, place } = this.preCall(request);
    let last = body;
    const read = rounds.map((items, n) =>
      responses.read({ id: `resp_${turn}_${n}`, status: 'completed', output: items }, turn, n + 1),
    );
    const outcomes = (n: number): Outcome[] =>
      (read[n]?.calls ?? [])
        .filter((each) => !clients.includes(each.name))
        .map((each) => ({ call: each, text: `result of ${each.id}`, milliseconds: 1 }));
    read.slice(0, -1).forEach((round, n) => (last = responses.next(last, round, outcomes(n))));
    const lastRound = read.at(-1)!;
    const handBack = lastRound.calls.filter((each) => clients.includes(each.name));
    if (read.length > 1 || outcomes(0).length > 0) {
      const hidden = responses.hidden({
        startBody: body,
        lastBody: last,
        lastRound,
        outcomes: outcomes(read.length - 1),
      });
      const keys = answerKeys('responses', place, {
        said: read.map((round) => round.text).join(' '),
        calls: handBack,
        itemIds: read.flatMap((round) => round.itemIds ?? []),
      });
      for (const key of keys) this.kept.set(key, JSON.parse(JSON.stringify(hidden)) as JsonObject);
    }
    this.lastBody = last;
    return responses.finish(read, handBack);
  }

  /** The last request of the last turn, as it went upstream. */
  lastBody: Item = {};

  upstream(request: Item): Item {
    return this.preCall(request).body;
  }

  private preCall(request: Item) {
    const sent = request;
    const { turns, place } = new HistoryReader().read('responses', responses.history(sent));
    const found = turns.flatMap((keys, position) => {
      const hidden = keys.map((key) => this.kept.get(key)).find((each) => each !== undefined);
      return hidden === undefined ? [] : [[position, hidden] as const];
    });
    return { body: found.length === 0 ? sent : responses.restore(sent, new Map(found)), place };
  }
}

const question = user('What is the word?');
const first = [reasoning('rs_1'), message('msg_1', 'Let me see.'), call('a')];
const second = [reasoning('rs_2'), message('msg_2', 'It is quince.')];
const full = [...first, output('a'), ...second];

/** What a client makes of the items it was shown. */
const habits: [string, (items: Item[]) => Item[]][] = [
  ['sends them back as they came', (items) => items],
  ['adds nulls', (items) => items.map((item) => ({ ...item, phase: null, content: item.content ?? null }))],
  ['orders fields anew', (items) => items.map((item) => Object.fromEntries(Object.entries(item).reverse()))],
  ['drops ids', (items) => items.map(({ id: _id, ...item }) => item)],
  ['gives ids of its own', (items) => items.map((item, at) => ({ ...item, id: `own_${at}` }))],
  ['drops reasoning', (items) => items.filter((item) => item.type !== 'reasoning')],
  ['sends references', (items) => items.map((item) => ({ type: 'item_reference', id: item.id }))],
  ['sends the last item alone', (items) => items.slice(-1)],
  [
    'sends visible text alone, in one message',
    (items) => [
      {
        role: 'assistant',
        content: items
          .filter((item) => item.type === 'message')
          .map((item) => item.content[0].text)
          .join('\n\n'),
      },
    ],
  ],
  [
    'trims and splits text',
    (items) =>
      items
        .filter((item) => item.type === 'message')
        .flatMap((item) => item.content[0].text.split(' '))
        .map((content: string) => ({ role: 'assistant', content })),
  ],
];

describe('a past answer in a Responses request', () => {
  it.each(habits)('is the full turn again where a client %s', (_how, habit) => {
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: [question] }, [first, second]);
    const request = { input: [question, ...habit(shown), user('And now?')] };
    const upstream = conversation.upstream(request);
    expect(upstream['input']).toEqual([question, ...full, user('And now?')]);
    expect(JSON.stringify(conversation.upstream(request))).toBe(JSON.stringify(upstream));
  });

  it('begins as the request of the turn did, so that the provider’s cache keeps hitting', () => {
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: [question] }, [first, second]);
    const before = JSON.stringify(conversation.lastBody['input']).slice(0, -1);
    const { input } = conversation.upstream({ input: [question, ...shown, user('And now?')] });
    expect(JSON.stringify(input).startsWith(before)).toBe(true);
  });

  it('is found where the first question was a string', () => {
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: 'What is the word?' }, [first, second]);
    const { input } = conversation.upstream({ input: [question, ...shown, user('And now?')] });
    expect(input).toEqual([question, ...full, user('And now?')]);
  });

  it('is found behind trimmed turns and another system prompt', () => {
    const conversation = new Conversation();
    const history = [
      { role: 'developer', content: 'Be brief.' },
      user('Hello'),
      message('m0', 'Hi.'),
      question,
    ];
    conversation.turn({ input: history }, [first, second]);
    const text = { role: 'assistant', content: 'Let me see. It is quince.' };
    const { input } = conversation.upstream({
      input: [{ role: 'system', content: 'Be long.' }, question, text, user('More')],
    });
    expect(input).toContainEqual(output('a'));
  });

  it('stays as the client wants it where it was edited', () => {
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: [question] }, [first, second]);
    const edited = shown.map((item: Item) => (item.id === 'msg_2' ? message('msg_2', 'It is apple.') : item));
    const request = { input: [question, ...edited, user('And now?')] };
    expect(conversation.upstream(request)).toBe(request);
  });

  it('is put back once, where the same words were said twice', () => {
    const conversation = new Conversation();
    conversation.turn({ input: [question] }, [first, second]);
    const text = { role: 'assistant', content: 'Let me see. It is quince.' };
    const { input } = conversation.upstream({ input: [question, text, question, text, user('More')] });
    expect(input.filter((item: Item) => item.call_id === 'a')).toHaveLength(2);
    expect(conversationProblem(input, {})).toBeUndefined();
  });

  it('keeps beside it what stands in the same run and is not of that turn', () => {
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: [question] }, [first, second]);
    const other = message('msg_other', 'Something else.');
    const { input } = conversation.upstream({ input: [question, ...shown, other, user('More')] });
    expect(input).toEqual([question, ...full, other, user('More')]);
  });

  it('costs nothing in a request without one', () => {
    const request = { input: 'Hello' };
    expect(responses.history(request).turns).toEqual([]);
    expect(responses.restore(request, new Map())).toBe(request);
  });

  it('holds no reasoning that a provider without a store could not know', () => {
    const bare = { id: 'rs_9', type: 'reasoning', summary: [] };
    const conversation = new Conversation();
    const { output: shown } = conversation.turn({ input: [question], store: false }, [
      [bare, call('a')],
      second,
    ]);
    const { input } = conversation.upstream({ input: [question, ...shown, user('More')], store: false });
    expect(input).toEqual([question, call('a'), output('a'), ...second, user('More')]);
  });
});

describe('a request that continues by previous_response_id', () => {
  it.each([['resp_turn1_0'], ['resp_turn1_1']])('goes to the last response of the turn from %s', (id) => {
    const conversation = new Conversation();
    conversation.turn({ input: [question] }, [first, second]);
    const { input, previous_response_id: led } = conversation.upstream({
      input: 'And now?',
      previous_response_id: id,
    });
    expect([led, input]).toEqual(['resp_turn1_1', 'And now?']);
  });

  it('stays as it is where nothing was hidden', () => {
    const request = { input: 'And now?', previous_response_id: 'resp_unknown' };
    expect(new Conversation().upstream(request)).toBe(request);
  });

  it('gets our results beside the client’s, in the order of the calls', () => {
    const conversation = new Conversation();
    const mixed = [call('a'), call('w', 'weather'), call('b')];
    conversation.turn({ input: [question] }, [first, mixed], ['weather']);
    const { input } = conversation.upstream({
      previous_response_id: 'resp_turn1_1',
      input: [output('w', 'sunny'), user('Quick!')],
    });
    expect(input).toEqual([output('a'), output('w', 'sunny'), output('b'), user('Quick!')]);
  });

  it('gets a note for a call that the client did not answer', () => {
    const conversation = new Conversation();
    conversation.turn({ input: [question] }, [[call('a'), call('w', 'weather')]], ['weather']);
    const { input } = conversation.upstream({
      previous_response_id: 'resp_turn1_0',
      input: 'Never mind.',
    });
    expect(input).toEqual([output('a'), output('w', 'This call was not run.'), user('Never mind.')]);
  });

  it('may hold past answers behind it as well', () => {
    const conversation = new Conversation();
    conversation.turn({ input: [question] }, [[call('a'), call('w', 'weather')]], ['weather']);
    const next = { previous_response_id: 'resp_turn1_0', input: [output('w', 'sunny')] };
    const { output: shown } = conversation.turn(next, [[message('m3', 'So.'), call('c')], second]);
    const { input } = conversation.upstream({ ...next, input: [...next.input, ...shown, user('More')] });
    expect(input).toEqual([
      output('a'),
      output('w', 'sunny'),
      message('m3', 'So.'),
      call('c'),
      output('c'),
      ...second,
      user('More'),
    ]);
  });
});

describe('a mixed turn in a Responses request', () => {
  it('is completed by the client’s result, in the order of the calls', () => {
    const conversation = new Conversation();
    const mixed = [reasoning('rs_3'), call('b'), call('w', 'weather'), call('c')];
    const { output: shown } = conversation.turn({ input: [question] }, [first, mixed], ['weather']);
    expect(shown.map((item: Item) => item.id)).toEqual(['rs_1', 'msg_1', 'rs_3', 'fc_w']);
    const { input } = conversation.upstream({ input: [question, ...shown, output('w', 'sunny')] });
    expect(input.slice(1)).toEqual([
      ...first,
      output('a'),
      ...mixed,
      output('b'),
      output('w', 'sunny'),
      output('c'),
    ]);
  });

  it('is left alone where only a picture could answer for the client', () => {
    const conversation = new Conversation();
    const computer = { id: 'cu_1', type: 'computer_call', call_id: 'x', action: { type: 'wait' } };
    const { output: shown } = conversation.turn(
      { input: [question] },
      [[call('a'), computer]],
      ['computer_call'],
    );
    const request = { input: [question, ...shown, user('Never mind.')] };
    expect(conversation.upstream(request)).toBe(request);
  });
});

describe('any sequence of turns', () => {
  const round = fc.record({
    thinks: fc.boolean(),
    says: fc.boolean(),
    ours: fc.integer({ min: 0, max: 2 }),
    theirs: fc.integer({ min: 0, max: 1 }),
  });
  const turn = fc.record({
    rounds: fc.array(round, { minLength: 1, maxLength: 3 }),
    habit: fc.nat({ max: habits.length - 1 }),
    answers: fc.boolean(),
  });

  it('goes upstream well-formed, and as the beginning of what goes upstream next', () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 5 }), (turns) => {
        const conversation = new Conversation();
        let history: Item[] = [user('Question 0')];
        let counter = 0;
        let before = '[';
        for (const [at, { rounds, habit, answers }] of turns.entries()) {
          const items = rounds.map(({ thinks, says, ours, theirs }, n) => {
            const last = n === rounds.length - 1;
            const calls = [
              ...Array.from({ length: last ? ours : Math.max(ours, 1) }, () => call(`call_${counter++}`)),
              ...Array.from({ length: last ? theirs : 0 }, () => call(`call_${counter++}`, 'weather')),
            ];
            // A round that ends a turn says something, else there would be nothing to send back.
            const text = says || (last && calls.length === 0) || ours + theirs === 0 || last;
            return [
              ...(thinks ? [reasoning(`rs_${counter++}`)] : []),
              ...(text ? [message(`msg_${counter++}`, `Text ${counter}.`)] : []),
              ...calls,
            ];
          });
          // Calls of ours in the last round go on to one more round, unless the client's stand beside them.
          const last = items.at(-1) ?? [];
          const isMixed = last.some((item) => item.name === 'weather');
          const plain = isMixed
            ? items
            : [...items.slice(0, -1), last.filter((item) => item.type !== 'function_call')];
          const request = { input: history, store: false, include: ['reasoning.encrypted_content'] };
          const { output: shown } = conversation.turn(request, plain, ['weather']);
          const upstream = conversation.lastBody['input'];
          expect(conversationProblem(upstream, request)).toBeUndefined();
          const written = JSON.stringify(upstream);
          expect(written.startsWith(before)).toBe(true);
          before = written.slice(0, -1);
          // A turn of one round hides nothing, so that its items go upstream as the client writes them.
          const asTheyCame = isMixed || plain.length === 1;
          const kept = asTheyCame ? shown : (habits[habit]?.[1](shown) ?? []);
          const results = shown
            .filter(
              (item: Item) => item.type === 'function_call' && (answers || !isMixed || plain.length === 1),
            )
            .map((item: Item) => output(item.call_id, 'theirs'));
          history = [...history, ...kept, ...results, user(`Question ${at + 1}`)];
        }
      }),
    );
  });
});
