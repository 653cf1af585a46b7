import type { Outcome, Round } from '../core/dialect';
import type { JsonObject } from '../core/json';
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
