import { oneCall, oneCallNotes, started } from '../../../tests/support/work';
import type { JsonObject } from '../core/json';
import { chat } from './chat';

const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const deltaOf = (each: JsonObject): any => (each as any).choices[0].delta;
const joiner = () => chat.join({ turn: 'turn0001', isClients: () => false, body: {}, surface: 'native' });

describe('tool work in a chat stream', () => {
  it('stands as reasoning, on lines of its own behind what the model thought', () => {
    const join = joiner();
    join.seen([chunk({ role: 'assistant', content: '' }), chunk({ reasoning_content: 'Hm.' })]);
    const deltas = oneCall.flatMap((work) => join.work(work)).map(deltaOf);
    expect(deltas.map((delta) => delta.reasoning_content).join('')).toBe(`\n${oneCallNotes}`);
    expect(deltas.every((delta) => delta.role === undefined)).toBe(true);
  });

  it('begins the message where nothing else did', () => {
    const [first] = joiner().work(started(0));
    expect(deltaOf(first ?? {}).role).toBe('assistant');
  });

  it('is no part of what goes upstream', () => {
    const join = joiner();
    join.push(chunk({ role: 'assistant', reasoning_content: 'Hm.' }));
    for (const work of oneCall) join.work(work);
    join.push(chunk({}, 'stop'));
    expect(join.endRound().round.message['reasoning_content']).toBe('Hm.');
  });
});

describe('tool work in a whole chat answer', () => {
  const response = (message: JsonObject): JsonObject => ({ choices: [{ finish_reason: 'stop', message }] });
  const round = (message: JsonObject) =>
    chat.read(response({ role: 'assistant', ...message }), 'turn0001', 1);
  const rounds = [round({ content: 'One.' }), round({ content: 'Two.', reasoning_content: 'Hm.' })];
  const finish = (work?: typeof oneCall): any =>
    (
      chat.finish(
        rounds,
        [],
        undefined,
        undefined,
        work === undefined ? undefined : { turn: 'turn0001', surface: 'progress', rounds: [work] },
      ) as any
    ).choices[0].message;

  it('stands in front of the last thoughts, and nowhere without work', () => {
    expect(finish(oneCall).reasoning_content).toBe(`${oneCallNotes}Hm.`);
    expect(finish([])).toEqual(finish());
  });
});

describe('tool work that a chat client sends back', () => {
  const taken = (message: JsonObject) => chat.takeBack({ messages: [message] })['messages'];

  it('goes, and the model’s own thoughts stay', () => {
    expect(taken({ role: 'assistant', content: 'A', reasoning_content: `${oneCallNotes}Hm.` })).toEqual([
      { role: 'assistant', content: 'A', reasoning_content: 'Hm.' },
    ]);
    expect(taken({ role: 'assistant', content: 'A', reasoning: oneCallNotes })).toEqual([
      { role: 'assistant', content: 'A' },
    ]);
  });

  it('is looked for in the assistant’s thoughts alone, and nothing is rebuilt where there is none', () => {
    const body = {
      messages: [
        { role: 'user', content: oneCallNotes, reasoning_content: oneCallNotes },
        { role: 'assistant', content: oneCallNotes, reasoning_content: 'Hm.' },
      ],
    };
    expect(chat.takeBack(body)).toBe(body);
  });
});
