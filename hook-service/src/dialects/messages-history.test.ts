import fc from 'fast-check';
import { messageProblems } from '../../../tests/support/messages-model';
import type { HiddenTurn, Outcome } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { answerKeys, HistoryReader } from '../core/memory';
import { messages } from './messages';

type Message = { role: string; content: any };

const text = (said: string): JsonObject => ({ type: 'text', text: said });
const thinking = (signature: string): JsonObject => ({ type: 'thinking', thinking: 'Hm.', signature });
const call = (id: string, name = 'notes__echo'): JsonObject => ({
  type: 'tool_use',
  id,
  name,
  input: { n: 1 },
});
const result = (id: string, said = `result of ${id}`): JsonObject => ({
  type: 'tool_result',
  tool_use_id: id,
  content: said,
});
const user = (content: string | JsonObject[]): Message => ({ role: 'user', content });
const assistant = (content: string | JsonObject[]): Message => ({ role: 'assistant', content });

/** A ledger, and a client whose turns go through it. */
class Conversation {
  readonly kept = new Map<string, JsonObject>();

  /** Plays a turn: `rounds` are the model's answers. Gives what the client is shown. */
  turn(history: readonly Message[], rounds: JsonObject[][], clients: string[] = []): JsonObject[] {
    const { body, place } = this.preCall(history);
    let last = body;
    const read = rounds.map((content, n) => messages.read({ content }, 'turn-0001', n + 1));
    const outcomes = (n: number): Outcome[] =>
      (read[n]?.calls ?? [])
        .filter((each) => !clients.includes(each.name))
        .map((each) => ({ call: each, text: `result of ${each.id}`, milliseconds: 1 }));
    read.slice(0, -1).forEach((round, n) => (last = messages.next(last, round, outcomes(n))));
    const lastRound = read.at(-1) as HiddenTurn['lastRound'];
    const handBack = lastRound.calls.filter((each) => clients.includes(each.name));
    const hidden = messages.hidden({
      startBody: body,
      lastBody: last,
      lastRound,
      outcomes: outcomes(read.length - 1),
    });
    const keys = answerKeys('messages', place, {
      said: read.map((round) => round.text).join(' '),
      calls: handBack,
      itemIds: [],
    });
    for (const key of keys) this.kept.set(key, JSON.parse(JSON.stringify(hidden)) as JsonObject);
    return messages.finish(read, handBack)['content'] as JsonObject[];
  }

  /** What goes upstream for a request of the client. */
  upstream(history: readonly Message[]): Message[] {
    return this.preCall(history).body['messages'] as unknown as Message[];
  }

  private preCall(history: readonly Message[]) {
    const sent = { messages: [...history] } as unknown as JsonObject;
    const { turns, place } = new HistoryReader().read('messages', messages.history(sent));
    const found = turns.flatMap((keys, position) => {
      const hidden = keys.map((key) => this.kept.get(key)).find((each) => each !== undefined);
      return hidden === undefined ? [] : [[position, hidden] as const];
    });
    return { body: found.length === 0 ? sent : messages.restore(sent, new Map(found)), place };
  }
}

const question = user('What is the word?');
const hiddenPart = [
  assistant([thinking('one'), text('Let me see.'), call('a')]),
  user([result('a')]),
  assistant([thinking('two'), text('It is quince.')]),
];
const rounds = [
  [thinking('one'), text('Let me see.'), call('a')],
  [thinking('two'), text('It is quince.')],
];

describe('a history of messages', () => {
  let conversation: Conversation;
  let shown: JsonObject[];

  beforeEach(() => {
    conversation = new Conversation();
    shown = conversation.turn([question], rounds);
  });

  it.each<[string, (shown: JsonObject[]) => Message[]]>([
    ['as it was shown', (blocks) => [assistant(blocks)]],
    ['as text alone', () => [assistant('Let me see.\n\nIt is quince.')]],
    ['trimmed and joined with other white space', () => [assistant('  Let me see. It is\tquince.\n')]],
    ['without its thinking', (blocks) => [assistant(blocks.filter((each) => each['type'] === 'text'))]],
    ['as one message for each block', (blocks) => blocks.map((block) => assistant([block]))],
    [
      'with nulls added and the fields in another order',
      (blocks) => [
        {
          content: blocks.map((block) => ({ citations: null, ...block })),
          stop_reason: null,
          role: 'assistant',
        } as Message,
      ],
    ],
  ])('has the hidden rounds put back where the answer comes back %s', (_how, back) => {
    const upstream = conversation.upstream([question, ...back(shown), user('And now?')]);
    expect(upstream).toEqual([question, ...hiddenPart, user('And now?')]);
  });

  it('has them put back byte for byte the same each time, behind each other', () => {
    const history = [question, assistant(shown), user('Again?')];
    const second = conversation.turn(history, [[text('Sure.'), call('b')], [text('Quince still.')]]);
    const upstream = [...history, assistant(second), user('Thanks.')];
    const [once, twice] = [conversation.upstream(upstream), conversation.upstream(structuredClone(upstream))];
    expect(JSON.stringify(once)).toBe(JSON.stringify(twice));
    expect(once).toEqual([
      question,
      ...hiddenPart,
      user('Again?'),
      assistant([text('Sure.'), call('b')]),
      user([result('b')]),
      assistant([text('Quince still.')]),
      user('Thanks.'),
    ]);
    expect(messageProblems(once)).toEqual([]);
  });

  it.each<[string, Message]>([
    ['a mark for the cache', user([{ ...text('What is the word?'), cache_control: { type: 'ephemeral' } }])],
    [
      'a reminder in front',
      user([text('<system-reminder>\nIt is late.\n</system-reminder>\n'), text('What is the word?')]),
    ],
    ['a reminder inside', user('What is <system-reminder>x</system-reminder>the word?')],
  ])('is known again when the question comes with %s', (_what, asked) => {
    const upstream = conversation.upstream([asked, assistant(shown), user('And now?')]);
    expect(upstream).toEqual([asked, ...hiddenPart, user('And now?')]);
  });

  it('is known again behind another system prompt, and when older turns are cut off', () => {
    const long = new Conversation();
    const early = [user('Hello.'), assistant('Hi.')];
    const answer = long.turn([...early, question], rounds);
    const instruction: Message = { role: 'system', content: 'Be brief.' };
    for (const before of [early, [], [instruction]]) {
      const upstream = long.upstream([...before, question, assistant(answer), user('And now?')]);
      expect(upstream).toEqual([...before, question, ...hiddenPart, user('And now?')]);
    }
  });

  it('keeps the client’s mark for the prompt cache on what takes the place of the answer', () => {
    const marked = shown.map((block, n) =>
      n === shown.length - 1 ? { ...block, cache_control: { type: 'ephemeral', ttl: '1h' } } : block,
    );
    const upstream = conversation.upstream([question, assistant(marked), user('And now?')]);
    expect(upstream[3]?.content).toEqual([
      thinking('two'),
      { ...text('It is quince.'), cache_control: { type: 'ephemeral', ttl: '1h' } },
    ]);
    expect(JSON.stringify(upstream).match(/cache_control/g)).toHaveLength(1);
  });

  it('stays as it is when the answer was edited or another question was asked', () => {
    for (const history of [
      [question, assistant('It is plum.'), user('And now?')],
      [user('What is the number?'), assistant(shown), user('And now?')],
    ])
      expect(conversation.upstream(history)).toEqual(history);
  });

  it('is the very same object where there is nothing to put back', () => {
    const body = { messages: [question] } as unknown as JsonObject;
    expect(messages.restore(body, new Map())).toBe(body);
  });

  it('reads a long text of unfinished reminders in no time', () => {
    const begun = performance.now();
    messages.history({ messages: [user('<system-reminder>'.repeat(100_000))] });
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});

describe('a mixed turn in a history of messages', () => {
  const mixed = [
    [text('First this.'), call('a')],
    [thinking('two'), text('Now both.'), call('b'), call('c', 'Bash'), call('d'), call('e', 'Read')],
  ];
  const full = [
    assistant([text('First this.'), call('a')]),
    user([result('a')]),
    assistant([
      thinking('two'),
      text('Now both.'),
      call('b'),
      call('c', 'Bash'),
      call('d'),
      call('e', 'Read'),
    ]),
  ];
  const failed = (id: string): JsonObject => ({ ...result(id, 'This call was not run.'), is_error: true });
  let conversation: Conversation;
  let shown: JsonObject[];

  beforeEach(() => {
    conversation = new Conversation();
    shown = conversation.turn([question], mixed, ['Bash', 'Read']);
  });

  it.each<[string, Message[], Message[]]>([
    [
      'all results in one message, in any order',
      [user([result('e', 'theirs e'), result('c', 'theirs c')])],
      [user([result('b'), result('c', 'theirs c'), result('d'), result('e', 'theirs e')])],
    ],
    [
      'text beside the results',
      [user([text('Here:'), result('c', 'theirs c'), result('e', 'theirs e'), text('Go on.')])],
      [
        user([
          result('b'),
          result('c', 'theirs c'),
          result('d'),
          result('e', 'theirs e'),
          text('Here:'),
          text('Go on.'),
        ]),
      ],
    ],
    [
      'results in several messages',
      [user([result('c', 'theirs c')]), user([result('e', 'theirs e')]), user('Go on.')],
      [user([result('b'), result('c', 'theirs c'), result('d'), result('e', 'theirs e')]), user('Go on.')],
    ],
    [
      'one result only',
      [user([result('c', 'theirs c')])],
      [user([result('b'), result('c', 'theirs c'), result('d'), failed('e')])],
    ],
    [
      'something else to say',
      [user('Never mind.')],
      [user([result('b'), failed('c'), result('d'), failed('e'), text('Never mind.')])],
    ],
  ])('goes upstream in full and in order when the client comes back with %s', (_how, replies, expected) => {
    const upstream = conversation.upstream([question, assistant(shown), ...replies]);
    expect(upstream).toEqual([question, ...full, ...expected]);
    expect(messageProblems(upstream)).toEqual([]);
  });

  it('stays as it is where it would be ill-formed: no message for the results, or a call of another answer', () => {
    const stray = [...shown, call('z', 'Bash')];
    for (const history of [
      [question, assistant(shown)],
      [question, assistant(stray), user([result('c'), result('e'), result('z')])],
    ])
      expect(conversation.upstream(history)).toEqual(history);
  });

  it('is found by the ids of its calls, whatever else the client did to it', () => {
    const calls = shown.filter((block) => block['type'] === 'tool_use');
    const upstream = conversation.upstream([
      user('Summary of what was said.'),
      assistant(calls),
      user([result('c')]),
    ]);
    expect(upstream.slice(1, 4)).toEqual(full);
    expect(messageProblems(upstream)).toEqual([]);
  });

  it('continues in another mixed turn, and every request begins with what went upstream before', () => {
    const history = [question, assistant(shown), user([result('c', 'theirs c'), result('e', 'theirs e')])];
    const first = conversation.upstream(history);
    const second = conversation.turn(history, [[text('More.'), call('f'), call('g', 'Bash')]], ['Bash']);
    const longer = [...history, assistant(second), user([result('g', 'theirs g')])];
    const upstream = conversation.upstream(longer);
    expect(JSON.stringify(upstream.slice(0, first.length))).toBe(JSON.stringify(first));
    expect(upstream.slice(first.length)).toEqual([
      assistant([text('More.'), call('f'), call('g', 'Bash')]),
      user([result('f'), result('g', 'theirs g')]),
    ]);
    expect(messageProblems(upstream)).toEqual([]);
  });

  it('after any sequence of turns goes upstream well-formed, and begins with the request before it', () => {
    const block = fc.constantFrom('say', 'think', 'ours', 'theirs');
    const anyRound = fc.array(block, { minLength: 1, maxLength: 4 });
    const anyTurn = fc.record({
      hidden: fc.array(fc.array(fc.constantFrom('say', 'think', 'ours'), { maxLength: 3 }), { maxLength: 3 }),
      last: anyRound,
      answers: fc.boolean(),
      drops: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyTurn, { minLength: 1, maxLength: 5 }), (turns) => {
        const ledger = new Conversation();
        let count = 0;
        const make = (kind: string): JsonObject => {
          count += 1;
          if (kind === 'think') return thinking(`sig${count}`);
          return kind === 'say'
            ? text(`Text ${count}.`)
            : call(`id${count}`, kind === 'ours' ? 'notes__echo' : 'Bash');
        };
        let history: Message[] = [user('Question 0.')];
        let before: Message[] = [];
        for (const [n, turn] of turns.entries()) {
          const upstream = ledger.upstream(history);
          expect(messageProblems(upstream)).toEqual([]);
          expect(JSON.stringify(upstream.slice(0, before.length))).toBe(JSON.stringify(before));
          before = upstream;
          // A round that goes on has a call of ours, one that ends the turn has text or a call of the client's.
          const played = [...turn.hidden.map((each) => [...each, 'ours']), ['say', ...turn.last]];
          if (turn.last.includes('ours') && !turn.last.includes('theirs')) played.push(['say']);
          const answer = ledger.turn(
            history,
            played.map((each) => each.map(make)),
            ['Bash'],
          );
          const results = answer
            .filter((each) => each['type'] === 'tool_use')
            .map((each) => result(String(each['id'])));
          const kept = turn.drops ? answer.filter((each) => each['type'] !== 'thinking') : answer;
          const said =
            turn.answers && results.length > 0 ? results : [...results, text(`Question ${n + 1}.`)];
          history = [...history, assistant(kept), user(said)];
        }
      }),
    );
  });
});
