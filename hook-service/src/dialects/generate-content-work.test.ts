import { oneCall, oneCallNotes } from '../../../tests/support/work';
import type { JsonObject } from '../core/json';
import { generateContent } from './generate-content';

const content = (...parts: JsonObject[]): JsonObject => ({ role: 'model', parts });
const response = (...parts: JsonObject[]): JsonObject => ({
  candidates: [{ content: content(...parts), finishReason: 'STOP', index: 0 }],
});
const own = { functionCall: { name: 'weather', args: {} } };
const ours = { functionCall: { name: 'notes__echo', args: {} } };
const partsOf = (each: JsonObject): any[] => (each as any).candidates[0].content.parts;

describe('tool work in the Gemini API', () => {
  it('is streamed as thoughts, in front of the chunk that is kept for the end', () => {
    const join = generateContent.join({
      turn: 'turn0001',
      isClients: (name) => name === 'weather',
      body: {},
      surface: 'progress',
    });
    const pushed = join.push(response(ours, own)).out;
    const { out } = join.endRound();
    const shown = [...pushed, ...out, ...oneCall.flatMap((work) => join.work(work)), ...join.finish()];
    const parts = shown.flatMap(partsOf).filter((part) => part.text !== '');
    expect(parts.slice(0, -1).every((part) => part.thought === true)).toBe(true);
    expect(parts.map((part) => part.text ?? '').join('')).toBe(oneCallNotes);
    expect(parts.at(-1)).toEqual(own);
  });

  it('stands in a whole answer where it was done, the client’s calls last', () => {
    const round = generateContent.read(response({ text: 'A' }, ours, own), 'turn0001', 1);
    const work = { turn: 'turn0001', surface: 'native' as const, rounds: [oneCall] };
    const answer = generateContent.finish([round], round.calls.slice(1), undefined, undefined, work);
    expect(partsOf(answer)).toEqual([{ text: 'A' }, { text: oneCallNotes, thought: true }, own]);
  });

  it('goes when it is sent back, in pieces or behind the model’s own thoughts', () => {
    const body = {
      contents: [
        { role: 'user', parts: [{ text: 'Q' }] },
        content({ text: `Hm.\n${oneCallNotes}`, thought: true }, { text: 'A' }),
        content({ text: oneCallNotes, thought: true }),
        content({ text: oneCallNotes }),
      ],
    };
    expect(generateContent.takeBack(body)['contents']).toEqual([
      body.contents[0],
      content({ text: 'Hm.\n', thought: true }, { text: 'A' }),
      body.contents[3],
    ]);
    const plain = { contents: [body.contents[0] ?? null, body.contents[3] ?? null] };
    expect(generateContent.takeBack(plain)).toBe(plain);
  });
});
