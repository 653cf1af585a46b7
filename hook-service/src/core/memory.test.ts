import type { History } from './dialect';
import { HistoryReader } from './memory';

const turn = (asked: string, said: string, calls: readonly { id: string; name: string }[] = []) => ({
  asked,
  said,
  calls,
  itemIds: [],
});

const conversations: readonly History[] = [
  { turns: [], asked: 'Hello' },
  { turns: [turn('Hello', 'Hi.')], asked: 'What is the word?' },
  { turns: [turn('Hello', 'Hi.'), turn('What is the word?', 'Quince.')], asked: 'Thanks' },
  { turns: [turn('Hell', 'oHi.')], asked: 'What is the word?' },
  { turns: [turn('Hello', 'Hi.', [{ id: 'call_1', name: 'look_up' }])], asked: 'found' },
  { turns: [turn('Hello', 'Hi.', [{ id: 'call_2', name: 'look_up' }])], asked: 'found' },
  { turns: [turn('Hello', 'Hi.[[{"id":"call_1","name":"look_up"}],[]]')], asked: 'found' },
  { turns: [{ ...turn('Hello', 'Hi.'), itemIds: ['msg_1'] }], asked: 'found' },
];

describe('the histories of requests', () => {
  it('are read the same whether a conversation came before or not', () => {
    const reader = new HistoryReader();
    for (const dialect of ['chat', 'responses'] as const)
      for (const history of [...conversations, ...conversations])
        expect(reader.read(dialect, history)).toEqual(new HistoryReader().read(dialect, history));
  });

  it('are told apart by their texts, calls and items, and by where each text ends', () => {
    const places = conversations.map((history) => JSON.stringify(new HistoryReader().read('chat', history)));
    expect(new Set(places).size).toBe(places.length);
  });

  it('are read the same when what was read before has been forgotten in the meantime', () => {
    const reader = new HistoryReader(2);
    for (const history of [...conversations, ...conversations])
      expect(reader.read('chat', history)).toEqual(new HistoryReader().read('chat', history));
  });
});
