import fc from 'fast-check';
import type { JsonObject } from '../core/json';
import { generateContent } from './generate-content';

type Fields = Record<string, any>;

const usage = (prompt: number, said: number): Fields => ({
  promptTokenCount: prompt,
  candidatesTokenCount: said,
  totalTokenCount: prompt + said,
  promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt }],
});

/** One chunk as the Gemini API sends it. */
const chunk = (parts: Fields[] | undefined, finishReason?: string, more: Fields = {}): JsonObject => ({
  candidates: [
    {
      ...(parts === undefined ? {} : { content: { parts, role: 'model' } }),
      ...(finishReason === undefined ? {} : { finishReason }),
      index: 0,
    },
  ],
  usageMetadata: usage(10, 1),
  modelVersion: 'gemini-2.5-flash',
  responseId: 'r1',
  ...more,
});
const call = (name: string, args: Fields = {}, more: Fields = {}): Fields => ({
  functionCall: { name, args },
  ...more,
});
const ours = call('notes__echo', { text: 'é😀', nothing: null });
const theirs = call('weather', { city: 'Bern' });

function open(clients: string[] = ['weather']) {
  return generateContent.join({
    turn: 'turn-0001',
    isClients: (name) => clients.includes(name),
    body: {},
  });
}

/** Feeds whole rounds and says what the client gets. */
function view(rounds: JsonObject[][], seen: JsonObject[] = []) {
  const joiner = open();
  joiner.seen(seen);
  const out: JsonObject[] = [...seen];
  const all = rounds.map((chunks) => {
    const readings = chunks.map((each) => joiner.push(each));
    const end = joiner.endRound();
    out.push(...readings.flatMap((reading) => reading.out), ...end.out);
    return { round: end.round, calls: readings.flatMap((reading) => reading.calls) };
  });
  out.push(...joiner.finish());
  return { out, rounds: all, joiner };
}

const candidates = (chunks: JsonObject[]): Fields[] =>
  chunks.flatMap((each) => ((each['candidates'] as Fields[] | undefined) ?? [])[0] ?? []);
const partsIn = (chunks: JsonObject[]): Fields[] =>
  candidates(chunks).flatMap((candidate) => (candidate['content']?.parts ?? []) as Fields[]);
const textIn = (chunks: JsonObject[]): string =>
  partsIn(chunks)
    .filter((part) => part['thought'] !== true)
    .map((part) => (part['text'] ?? '') as string)
    .join('');

/** The rules of a stream of chunks, in words where one is broken. */
function problems(chunks: JsonObject[]): string[] {
  const found: string[] = [];
  const reasons = candidates(chunks).map((candidate) => candidate['finishReason'] as unknown);
  if (reasons.filter((reason) => reason !== undefined).length !== 1) found.push('not one finish reason');
  if (reasons.at(-1) === undefined) found.push('the finish reason is not in the last chunk');
  for (const name of ['responseId', 'modelVersion']) {
    if (new Set(chunks.map((each) => each[name])).size !== 1) found.push(`${name} changes`);
  }
  for (const candidate of candidates(chunks)) {
    const parts = candidate['content']?.parts as Fields[] | undefined;
    // @google/genai forgets an answer with such a chunk in it.
    if (parts === undefined || parts.length === 0) found.push('a chunk without parts');
    if (parts?.some((part) => Object.keys(part).length === 0)) found.push('an empty part');
    if (candidate['content']?.role !== 'model') found.push('a content that is not the model’s');
  }
  if (candidates(chunks).length !== chunks.length) found.push('a chunk without a candidate');
  const totals = chunks.flatMap((each) => (each['usageMetadata'] as Fields | undefined) ?? []);
  totals.reduce((before, each) => {
    if (each['totalTokenCount'] < before) found.push('usage goes back');
    return each['totalTokenCount'] as number;
  }, 0);
  return found;
}

describe('a round of a generateContent stream', () => {
  it('gives each call out with its own chunk, under an id of our own that the model never sees', () => {
    const joiner = open();
    const first = joiner.push(chunk([ours]));
    const both = joiner.push(
      chunk([call('notes__a'), call('notes__b', {}, { thoughtSignature: 'U0lH' })], 'STOP'),
    );
    const { round } = joiner.endRound();
    expect(first.calls.map((each) => [each.name, each.arguments])).toEqual([
      ['notes__echo', '{"text":"é😀","nothing":null}'],
    ]);
    expect(both.calls.map((each) => each.name)).toEqual(['notes__a', 'notes__b']);
    expect(new Set(round.calls.map((each) => each.id)).size).toBe(3);
    expect(round.message).toEqual({
      role: 'model',
      parts: [ours, call('notes__a'), call('notes__b', {}, { thoughtSignature: 'U0lH' })],
    });
  });

  it('makes the same ids up each time it is read, and keeps those of the provider', () => {
    const calls = [ours, call('notes__a', {}, {}), { functionCall: { id: 'x', name: 'notes__b' } }];
    const chunks = [chunk(calls, 'STOP')];
    const [one, two] = [view([chunks]), view([chunks])].map(({ rounds }) => rounds[0]?.round.calls);
    expect(one).toEqual(two);
    expect(one?.[2]).toMatchObject({ id: 'x', arguments: '{}' });
  });

  it('answers at once when it begins with a call, with an empty piece of text', () => {
    expect(open().push(chunk([ours])).out).toEqual([chunk([{ text: '' }])]);
  });

  it('keeps thoughts and signatures on their parts for the next round, and joins pieces of plain text only', () => {
    const parts = [
      { text: 'Let ', thought: true },
      { text: 'me.', thought: true },
      { text: 'One ' },
      { text: 'moment' },
      { text: '.', thoughtSignature: 'QQ==' },
      { text: '' },
      { text: '', thoughtSignature: 'Qg==' },
      { executableCode: { language: 'PYTHON', code: '1' } },
      { ...ours, thoughtSignature: 'Qw==' },
    ];
    const { rounds, out } = view([
      parts.map((part, at) => chunk([part], at === parts.length - 1 ? 'STOP' : undefined)),
    ]);
    expect(rounds[0]?.round.message['parts']).toEqual([
      { text: 'Let me.', thought: true },
      { text: 'One moment' },
      { text: '.', thoughtSignature: 'QQ==' },
      { text: '', thoughtSignature: 'Qg==' },
      { executableCode: { language: 'PYTHON', code: '1' } },
      { ...ours, thoughtSignature: 'Qw==' },
    ]);
    expect(rounds[0]?.round.text).toBe('One moment.');
    expect(partsIn(out).slice(0, -1)).toEqual(parts.slice(0, -1));
  });

  it('leaves a stream of the client’s own calls as it came', () => {
    const chunks = [
      chunk([{ text: 'One ' }]),
      chunk([{ text: 'moment.' }]),
      chunk([{ ...theirs, thoughtSignature: 'QQ==' }, call('weather', { city: 'Rom' })], 'STOP', {
        usageMetadata: usage(10, 9),
      }),
    ];
    expect(view([chunks]).out).toEqual(chunks);
    expect(view([chunks.slice(2)], chunks.slice(0, 2)).out).toEqual(chunks);
  });

  it('leaves citations and other fields beside a call of ours in the stream', () => {
    const grounded = chunk([ours], undefined, { newField: 1 });
    const { out } = view([[grounded, chunk([{ text: '' }], 'STOP')]]);
    expect(out[0]).toEqual({
      ...grounded,
      candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, index: 0 }],
    });
  });

  it('does not pass half an answer off as a whole one: a round says how it ended, or it broke off', () => {
    const joiner = open();
    joiner.push(chunk([{ text: 'The answer is' }]));
    expect(() => joiner.endRound()).toThrow('broke off before its end');
    const blocked = open();
    blocked.push({ promptFeedback: { blockReason: 'SAFETY' } });
    expect(() => blocked.endRound()).not.toThrow();
  });

  it('shows the client the same text and calls, however the provider cuts it', () => {
    const piece = fc.oneof(
      fc.string({ minLength: 1 }).map((text): Fields => ({ text })),
      fc.constantFrom<Fields>({ text: '' }, { text: 'hm', thought: true }, ours, theirs),
    );
    const round = fc.array(piece, { maxLength: 8 });
    /** The same parts, some in one chunk together, with the end in the last chunk or behind it. */
    const cut = (parts: Fields[], cuts: boolean[], endBehind: boolean): JsonObject[] => {
      const groups: Fields[][] = [[]];
      parts.forEach((part, i) => {
        if (cuts[i]) groups.push([]);
        groups.at(-1)?.push(part);
      });
      const full = groups.filter((group) => group.length > 0);
      const chunks = full.map((group, i) =>
        chunk(group, !endBehind && i === full.length - 1 ? 'STOP' : undefined),
      );
      return endBehind || chunks.length === 0 ? [...chunks, chunk([{ text: '' }], 'STOP')] : chunks;
    };
    fc.assert(
      fc.property(
        fc.array(round, { minLength: 1, maxLength: 3 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        fc.boolean(),
        (rounds, cuts, endBehind) => {
          const whole = view(rounds.map((parts) => cut(parts, [], false)));
          const pieces = view(rounds.map((parts) => cut(parts, cuts, endBehind)));
          for (const { out } of [whole, pieces]) {
            expect(problems(out)).toEqual([]);
            expect(JSON.stringify(out)).not.toContain('notes__');
          }
          const seen = (chunks: JsonObject[]): unknown => [
            textIn(chunks),
            partsIn(chunks).filter((part) => 'functionCall' in part),
          ];
          expect(seen(pieces.out)).toEqual(seen(whole.out));
          expect(pieces.rounds.map(({ round }) => round.message)).toEqual(
            whole.rounds.map(({ round }) => round.message),
          );
          for (const [i, parts] of rounds.entries()) {
            expect(pieces.rounds[i]?.calls).toHaveLength(
              parts.filter((part) => 'functionCall' in part).length,
            );
          }
        },
      ),
    );
  });
});

describe('the rounds of a generateContent stream together', () => {
  const rounds = [
    [chunk([{ text: 'Let me see.' }]), chunk([ours], 'STOP', { usageMetadata: usage(10, 3) })],
    [
      chunk([{ text: 'It is' }], undefined, {
        responseId: 'r2',
        modelVersion: 'other',
        usageMetadata: usage(20, 2),
      }),
      chunk([{ text: ' so.' }], 'STOP', { responseId: 'r2', usageMetadata: usage(20, 5) }),
      { usageMetadata: { ...usage(20, 5), thoughtsTokenCount: 2 } },
    ],
  ];

  it('have one identity, one finish reason, and usage that counts all of them', () => {
    const { out } = view(rounds);
    expect(problems(out)).toEqual([]);
    expect(textIn(out)).toBe('Let me see.\n\nIt is so.');
    expect(out.at(-1)?.['usageMetadata']).toEqual({ ...usage(30, 8), thoughtsTokenCount: 2 });
  });

  it('show the text at the end of a round before the tools of that round have run', () => {
    const joiner = open();
    joiner.push(chunk([ours]));
    const held = joiner.push(chunk([{ text: 'Wait.' }], 'STOP'));
    expect([...held.out, ...joiner.endRound().out]).toEqual([chunk([{ text: 'Wait.' }])]);
  });

  it('end with the reason of the last one', () => {
    const { out } = view([
      rounds[0] ?? [],
      [chunk([{ text: 'Long' }], 'MAX_TOKENS', { finishMessage: 'x' })],
    ]);
    expect(candidates(out).at(-1)?.['finishReason']).toBe('MAX_TOKENS');
  });

  it('hold keep-alives that no client minds and that are no end', () => {
    const joiner = open();
    joiner.push(chunk([{ text: 'Let me see.' }]));
    expect(joiner.keepAlive()).toEqual(chunk([{ text: '' }]));
  });

  it('hold no chunk without a part, as LiteLLM’s adapter for other providers sends them', () => {
    const { out } = view([[chunk([{ text: 'Hello.' }]), chunk([]), chunk([], 'STOP')]]);
    expect(problems(out)).toEqual([]);
    expect(out).toEqual([chunk([{ text: 'Hello.' }]), chunk([{ text: '' }], 'STOP')]);
  });

  it('end with a note of ours where the model said nothing', () => {
    const joiner = open();
    joiner.push(chunk([ours], 'STOP'));
    joiner.endRound();
    const out = [...joiner.note('No answer was reached.'), ...joiner.finish()];
    expect(problems(out)).toEqual([]);
    expect(textIn(out)).toBe('No answer was reached.');
  });

  it('pass on that an answer was blocked', () => {
    const { out } = view([
      rounds[0] ?? [],
      [{ promptFeedback: { blockReason: 'SAFETY' }, responseId: 'r2' }],
    ]);
    expect(out.some((each) => 'promptFeedback' in each)).toBe(true);
    expect(candidates(out).at(-1)?.['finishReason']).toBe('OTHER');
  });
});
