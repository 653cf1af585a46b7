import fc from 'fast-check';
import { chatProblems } from '../../../tests/support/dialects/chat-driver';
import type { HiddenTurn, Outcome, Round } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { answerKeys, HistoryReader } from '../core/memory';
import { chat } from './chat';

const call = (id: string, name: string): JsonObject => ({
  id,
  type: 'function',
  function: { name, arguments: '{}' },
});
const user = (content: string): JsonObject => ({ role: 'user', content });
const outcome = (id: string): Outcome => ({
  call: { id, name: 'notes__echo', arguments: '{}' },
  text: `result of ${id}`,
  milliseconds: 1,
});
const round = (message: JsonObject): Round => ({ message, calls: [], text: '' });

const startBody = { messages: [user('hi')] };
const mixed = chat.hidden({
  startBody,
  lastBody: startBody,
  lastRound: round({
    role: 'assistant',
    content: 'Both.',
    tool_calls: [call('a', 'notes__echo'), call('b', 'weather')],
  }),
  outcomes: [outcome('a')],
});
const restored = (messages: JsonObject[]): JsonObject[] =>
  chat.restore({ messages }, new Map([[0, mixed]]))['messages'] as unknown as JsonObject[];

describe('the hidden part of a chat turn', () => {
  it('is put back with the client’s result in its place', () => {
    const messages = [
      user('hi'),
      { role: 'assistant', content: 'Both.', tool_calls: [call('b', 'weather')] },
      { role: 'tool', tool_call_id: 'b', content: 'sunny' },
    ];
    expect(restored(messages).map((message) => message['tool_call_id'] ?? message['role'])).toEqual([
      'user',
      'assistant',
      'a',
      'b',
    ]);
  });

  it('is left out where the client’s answer holds another call: it is another answer with the same text', () => {
    const messages = [
      user('hi'),
      { role: 'assistant', content: 'Both.', tool_calls: [call('c', 'weather')] },
      { role: 'tool', tool_call_id: 'c', content: 'rain' },
    ];
    expect(restored(messages)).toBe(messages);
  });

  it('is left out where the client dropped the call it was given', () => {
    const messages = [user('hi'), { role: 'assistant', content: 'Both.' }, user('Never mind.')];
    expect(restored(messages)).toBe(messages);
  });
});

/** A ledger, and a client whose turns go through it. */
class Conversation {
  private readonly kept = new Map<string, JsonObject>();

  /** What goes upstream for a request of the client. */
  upstream(history: readonly JsonObject[]): JsonObject[] {
    return this.armed(history).body['messages'] as unknown as JsonObject[];
  }

  /** Plays a turn: `rounds` are the model's messages. Gives every request upstream, and what the client is shown. */
  turn(history: readonly JsonObject[], rounds: readonly JsonObject[]) {
    const { body, place } = this.armed(history);
    const bodies = [body];
    const read = rounds.map((message, n) => chat.read({ choices: [{ index: 0, message }] }, 'turn-1', n + 1));
    const outcomesOf = (each: Round | undefined): Outcome[] =>
      (each?.calls ?? []).filter(({ name }) => name !== 'weather').map(({ id }) => outcome(id));
    for (const each of read.slice(0, -1))
      bodies.push(chat.next(bodies.at(-1) ?? body, each, outcomesOf(each)));
    const lastRound = read.at(-1) as HiddenTurn['lastRound'];
    const handBack = lastRound.calls.filter(({ name }) => name === 'weather');
    const hidden = chat.hidden({
      startBody: body,
      lastBody: bodies.at(-1) ?? body,
      lastRound,
      outcomes: handBack.length > 0 ? outcomesOf(lastRound) : [],
    });
    const said = read.map(({ text }) => text).join(' ');
    for (const key of answerKeys('chat', place, { said, calls: handBack, itemIds: [] }))
      this.kept.set(key, JSON.parse(JSON.stringify(hidden)) as JsonObject);
    const answer = chat.finish(read, handBack) as { choices: { message: JsonObject }[] };
    return {
      sent: bodies.map((each) => each['messages'] as unknown as JsonObject[]),
      shown: answer.choices[0]?.message ?? {},
    };
  }

  private armed(history: readonly JsonObject[]) {
    const sent = { messages: [...history] } as JsonObject;
    const { turns, place } = new HistoryReader().read('chat', chat.history(sent));
    const found = turns.flatMap((keys, position) => {
      const hidden = keys.map((key) => this.kept.get(key)).find((each) => each !== undefined);
      return hidden === undefined ? [] : [[position, hidden] as const];
    });
    return { body: found.length === 0 ? sent : chat.restore(sent, new Map(found)), place };
  }
}

/** What clients make of a message before they send it back. */
const habits: readonly ((message: JsonObject) => JsonObject)[] = [
  (message) => message,
  (message) => ({ refusal: null, audio: null, function_call: null, ...message }),
  (message) => Object.fromEntries(Object.entries(message).toReversed()),
  ({ content, ...rest }) => ({ ...rest, content: typeof content === 'string' ? content.trim() : null }),
];

describe('any sequence of chat turns', () => {
  const played = fc.record({
    hidden: fc.array(fc.record({ says: fc.boolean(), calls: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 3,
    }),
    last: fc.record({ ours: fc.nat({ max: 2 }), theirs: fc.nat({ max: 2 }) }),
    habit: fc.nat({ max: habits.length - 1 }),
    answers: fc.boolean(),
  });

  it('goes upstream with every call answered once and in order, each request beginning with the one before', () => {
    fc.assert(
      fc.property(fc.array(played, { minLength: 1, maxLength: 5 }), (turns) => {
        const conversation = new Conversation();
        let count = 0;
        const calls = (many: number, name: string): JsonObject[] =>
          Array.from({ length: many }, () => call(`call_${count++}`, name));
        const message = (text: string | null, made: JsonObject[]): JsonObject => ({
          role: 'assistant',
          content: text,
          ...(made.length === 0 ? {} : { tool_calls: made }),
        });
        let history: JsonObject[] = [user('Question 0')];
        let before = '[';
        for (const [at, { hidden, last, habit, answers }] of turns.entries()) {
          const isMixed = last.theirs > 0;
          const own = isMixed ? [...calls(last.ours, 'notes__echo'), ...calls(last.theirs, 'weather')] : [];
          const { sent, shown } = conversation.turn(history, [
            ...hidden.map((each) =>
              message(each.says ? `Step ${count}. ` : null, calls(each.calls, 'notes__echo')),
            ),
            message(`Answer ${at}.`, own),
          ]);
          const kept = shown['tool_calls'] as { id: string }[] | undefined;
          const results = (kept ?? []).map(({ id }) => ({
            role: 'tool',
            tool_call_id: id,
            content: 'theirs',
          }));
          const back = habits[habit]?.(shown) ?? shown;
          history = [
            ...history,
            back,
            // Where nothing is hidden, the client alone answers for its calls.
            ...(answers || hidden.length + last.ours === 0 ? results : []),
            user(`Question ${at + 1}`),
          ];
          for (const messages of [...sent, conversation.upstream(history)]) {
            expect(chatProblems(messages)).toEqual([]);
            const written = JSON.stringify(messages);
            expect(written.startsWith(before)).toBe(true);
            before = written.slice(0, -1);
          }
        }
      }),
    );
  });
});
