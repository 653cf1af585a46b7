import fc from 'fast-check';
import type { Outcome, Round } from '../core/dialect';
import { type JsonObject } from '../core/json';
import { answerKeys, HistoryReader } from '../core/memory';
import { generateContent } from './generate-content';

type Fields = Record<string, any>;

const user = (...parts: Fields[]): Fields => ({ role: 'user', parts });
const model = (...parts: Fields[]): Fields => ({ role: 'model', parts });
const call = (name: string, args: Fields = {}, more: Fields = {}): Fields => ({
  functionCall: { name, args },
  ...more,
});
const result = (name: string, output: string, more: Fields = {}): Fields => ({
  functionResponse: { ...more, name, response: { output } },
});
const question = user({ text: 'What is the word?' });

const isClients = (name: string): boolean => name === 'weather';

/** Plays a turn against these answers of the model, and says what the client gets and what is kept. */
function play(body: JsonObject, answers: Fields[][]) {
  const rounds: Round[] = [];
  let last = body;
  let outcomes: Outcome[] = [];
  for (const [i, parts] of answers.entries()) {
    const response = { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] };
    const round = generateContent.read(response, 'turn-0001', i + 1);
    rounds.push(round);
    outcomes = round.calls
      .filter((each) => !isClients(each.name))
      .map((each) => ({ call: each, text: `ran ${each.arguments}`, milliseconds: 1 }));
    if (i < answers.length - 1) last = generateContent.next(last, round, outcomes);
  }
  const lastRound = rounds.at(-1) as Round;
  const handBack = lastRound.calls.filter((each) => isClients(each.name));
  const { place } = new HistoryReader().read('generateContent', generateContent.history(body));
  const keys = answerKeys('generateContent', place, {
    said: rounds.map((round) => round.text).join(' '),
    calls: handBack,
    itemIds: [],
  });
  const hidden = generateContent.hidden({ startBody: body, lastBody: last, lastRound, outcomes });
  const response = generateContent.finish(rounds, handBack);
  const content = ((response['candidates'] as Fields[])[0] as Fields)['content'] as Fields;
  return { response, content, keys, hidden, upstream: last };
}

/** What hook-service does before the model is called: finds the hidden part of each answer and puts it back. */
function recall(body: JsonObject, ...kept: { keys: readonly string[]; hidden: JsonObject }[]): JsonObject {
  const store = new Map(kept.flatMap(({ keys, hidden }) => keys.map((key) => [key, hidden])));
  const { turns } = new HistoryReader().read('generateContent', generateContent.history(body));
  const found = turns.flatMap((keys, position) => {
    const hidden = keys.map((key) => store.get(key)).find((value) => value !== undefined);
    return hidden === undefined ? [] : [[position, hidden] as const];
  });
  return generateContent.restore(body, new Map(found));
}

const contentsOf = (body: JsonObject): Fields[] => body['contents'] as Fields[];

/** What Gemini refuses: a call without its result in the very next content, and results without a call. */
function problems(body: JsonObject): string[] {
  const contents = contentsOf(body);
  const named = (content: Fields | undefined, field: string): string[] =>
    ((content?.['parts'] ?? []) as Fields[]).flatMap(
      (part) => (part[field]?.name as string | undefined) ?? [],
    );
  return contents.flatMap((content, i) => {
    const before = contents[i - 1];
    const expected = content['role'] === 'model' ? [] : named(before, 'functionCall');
    return [
      ...((content['parts'] as Fields[]).length === 0 ? ['a content without parts'] : []),
      ...(named(content, 'functionResponse').join() === expected.join() ? [] : [`results of content ${i}`]),
    ];
  });
}

const signed = call('notes__echo', { text: 'a' }, { thoughtSignature: 'QUJD' });
const hiddenRounds = [
  [{ text: 'Thinking.', thought: true }, { text: 'Let me see.' }, signed],
  [{ text: ' It is ' }, { text: 'quince.', thoughtSignature: 'Qg==' }],
];

describe('hidden rounds of generateContent', () => {
  const played = play({ contents: [question] }, hiddenRounds);
  const asUpstream = [...contentsOf(played.upstream), model(...(hiddenRounds[1] ?? []))];
  const next = user({ text: 'And now?' });

  it('are put back in the place of what the client kept', () => {
    const body = { contents: [question, played.content, next] };
    expect(contentsOf(recall(body, played))).toEqual([...asUpstream, next]);
  });

  const text = 'Let me see. It is quince.';
  const kept: [string, Fields[]][] = [
    ['visible text alone', [model({ text })]],
    [
      'text with its outer white space trimmed and another one inside',
      [model({ text: `${text.replace('. ', '.\n\n')} ` })],
    ],
    [
      'one content for each chunk',
      [...text].map((letter) => model({ text: letter })).concat(model({ text: '' })),
    ],
    ['thoughts', [model({ text: 'Thinking.', thought: true }, { text })]],
    ['nulls of LiteLLM’s', [model({ text, thought: null, functionCall: null, inlineData: null })]],
    ['another order of keys', [{ parts: [{ text }], role: 'model' }]],
  ];

  it.each(kept)('are found again when the client sends %s', (_what, run) => {
    const restored = recall({ contents: [question, ...run, next] }, played);
    expect(JSON.stringify(contentsOf(restored))).toBe(JSON.stringify([...asUpstream, next]));
  });

  it('are found again when old turns are cut off or the system prompt changes', () => {
    const before = [user({ text: 'Hi.' }), model({ text: 'Hello.' })];
    const later = play({ contents: [...before, question] }, hiddenRounds);
    const body = {
      systemInstruction: { parts: [{ text: 'new' }] },
      contents: [question, model({ text }), next],
    };
    expect(contentsOf(recall(body, later))).toEqual([...asUpstream, next]);
  });

  it('are not put back into an answer that the client has changed, and the body stays the same object', () => {
    const body = { contents: [question, model({ text: 'It is pear.' }), next] };
    expect(recall(body, played)).toBe(body);
  });

  it('leave the client’s contents as they are where there is nothing to put back', () => {
    const odd = [user({ text: 'x', extra: null }), model({ text: 'y' }), { parts: [{ text: 'z' }] }];
    expect(contentsOf(recall({ contents: [question, model({ text }), ...odd] }, played)).slice(-3)).toEqual(
      odd,
    );
  });

  it('grow the body behind what went upstream before, byte for byte, turn after turn', () => {
    const answer = fc.constantFrom<Fields[][]>(
      hiddenRounds,
      [[{ text: 'Plain.' }]],
      [[call('notes__a')], [call('notes__b', { n: 1 }), call('notes__c')], [{ text: 'Done.' }]],
      [[{ text: 'Both.' }, call('notes__a', { n: 1 }), call('weather', { city: 'Bern' }), call('notes__b')]],
      [[call('weather', { city: 'Rom' }), signed]],
    );
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 6 }), fc.boolean(), (answers, splits) => {
        const store: ReturnType<typeof play>[] = [];
        let contents: Fields[] = [question];
        let before = '';
        for (const [i, rounds] of answers.entries()) {
          const armed = recall({ contents: contents }, ...store);
          expect(problems(armed)).toEqual([]);
          // What the provider's cache has seen is the beginning of what it gets now.
          expect(JSON.stringify(armed['contents']).startsWith(before)).toBe(true);
          const sent = { ...armed };
          const turn = play({ contents: contents }, rounds);
          const upstream = play(sent, rounds);
          store.push({ ...turn, hidden: upstream.hidden });
          expect(problems(upstream.upstream)).toEqual([]);
          before = JSON.stringify(upstream.upstream['contents']).slice(0, -1);
          const parts = turn.content['parts'] as Fields[];
          const own = parts.filter((part) => 'functionCall' in part);
          contents = [
            ...contents,
            ...(splits ? parts.map((part) => model(part)) : [model(...parts)]),
            own.length === 0
              ? user({ text: `Question ${i}` })
              : user(...own.map((part) => result(part['functionCall'].name as string, `sunny ${i}`))),
          ];
        }
      }),
    );
  });
});

describe('a mixed turn of generateContent', () => {
  const rounds = [
    [call('notes__a', { n: 1 })],
    [
      call('notes__b', { n: 2 }, { thoughtSignature: 'QUJD' }),
      call('weather', { city: 'Bern', when: 'now' }),
      { functionCall: { id: 'fc3', name: 'weather', args: { city: 'Rom' } } },
      call('notes__c', { n: 3 }),
    ],
  ];
  const played = play({ contents: [question] }, rounds);
  const own = played.content['parts'] as Fields[];

  it('hands the client its own calls alone, as the model wrote them', () => {
    expect(own).toEqual(rounds[1]?.slice(1, 3));
  });

  const results = (body: JsonObject): Fields[] =>
    (contentsOf(body)[4]?.['parts'] as Fields[]).flatMap(
      (part) => (part['functionResponse'] as Fields) ?? [],
    );
  const full = [
    { name: 'notes__b', response: { output: 'ran {"n":2}' } },
    { name: 'weather', response: { output: 'sunny' } },
    { id: 'fc3', name: 'weather', response: { output: 'rain' } },
    { name: 'notes__c', response: { output: 'ran {"n":3}' } },
  ];

  const answers: [string, Fields[], Fields[]][] = [
    ['in order', own, [user(result('weather', 'sunny'), result('weather', 'rain', { id: 'fc3' }))]],
    [
      'by id, in another order',
      own,
      [user(result('weather', 'rain', { id: 'fc3' }), result('weather', 'sunny'))],
    ],
    [
      'each in a content of its own',
      own,
      [user(result('weather', 'sunny')), user(result('weather', 'rain'))],
    ],
    [
      'under the role function',
      own,
      [{ ...user(result('weather', 'sunny'), result('weather', 'rain')), role: 'function' }],
    ],
    [
      'under ids of its own, as Gemini CLI does',
      own.map((part, i) => ({ functionCall: { ...part['functionCall'], id: `weather__${i}` } })),
      [
        user(
          result('weather', 'rain', { id: 'weather__1' }),
          result('weather', 'sunny', { id: 'weather__0' }),
        ),
      ],
    ],
    [
      'with keys of the arguments in another order',
      own.map((part) => ({
        functionCall: {
          args: Object.fromEntries(Object.entries(part['functionCall'].args as Fields).reverse()),
          name: 'weather',
        },
      })),
      [user(result('weather', 'sunny'), result('weather', 'rain'))],
    ],
  ];

  it.each(answers)('is complete again when the client answers %s', (_how, calls, contents) => {
    const restored = recall({ contents: [question, model(...calls), ...contents] }, played);
    expect(problems(restored)).toEqual([]);
    expect(results(restored)).toEqual(full);
    expect(contentsOf(restored)).toHaveLength(5);
    expect(contentsOf(restored)[3]).toEqual(model(...(rounds[1] ?? [])));
  });

  it('keeps what the client says beside its results, behind them', () => {
    const body = {
      contents: [question, model(...own), user(result('weather', 'sunny'), { text: 'Hurry.' })],
    };
    const restored = recall(body, played);
    expect(problems(restored)).toEqual([]);
    expect((contentsOf(restored)[4]?.['parts'] as Fields[]).at(-1)).toEqual({ text: 'Hurry.' });
    expect(results(restored)[2]?.['response']).toEqual({ error: 'This call was not run.' });
  });

  it('goes on where the client says something else instead of answering', () => {
    const restored = recall({ contents: [question, model(...own), user({ text: 'Never mind.' })] }, played);
    expect(problems(restored)).toEqual([]);
    expect(contentsOf(restored).at(-1)).toEqual(user({ text: 'Never mind.' }));
  });

  it('is left alone where the client has other calls than it was handed', () => {
    const other = [call('weather', { city: 'Paris' }), own[1] as Fields];
    const body = {
      contents: [question, model(...other), user(result('weather', 'x'), result('weather', 'y'))],
    };
    expect(recall(body, played)).toBe(body);
  });

  it('is not found in another conversation with the same calls, where ids do not tell them apart', () => {
    const silent = play({ contents: [question] }, [[call('notes__a'), call('weather', { city: 'Bern' })]]);
    const follow = (asked: string): JsonObject => ({
      contents: [user({ text: asked }), silent.content, user(result('weather', 'sunny'))],
    });
    const same = follow('What is the word?');
    expect(recall(same, silent)).not.toBe(same);
    const other = follow('Something else');
    expect(recall(other, silent)).toBe(other);
  });
});

describe('the answer of generateContent to a client', () => {
  it('holds the parts of all rounds but for calls of ours, with one identity and the sum of usage', () => {
    const response = (id: string, parts: Fields[], prompt: number, more: Fields = {}): JsonObject => ({
      candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0, ...more }],
      usageMetadata: {
        promptTokenCount: prompt,
        totalTokenCount: prompt,
        cachedContentTokenCount: null,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt }],
      },
      responseId: id,
      modelVersion: `model of ${id}`,
    });
    const read = (answer: JsonObject, number: number): Round =>
      generateContent.read(answer, 'turn-0001', number);
    const rounds = [
      read(response('r1', [{ text: 'Hm.', thought: true }, { text: 'Let me see.' }, signed], 10), 1),
      read(
        response('r2', [{ text: 'Quince.', thoughtSignature: 'Qg==' }], 20, { groundingMetadata: { a: 1 } }),
        2,
      ),
    ];
    expect(generateContent.finish(rounds, [])).toEqual({
      candidates: [
        {
          content: {
            role: 'model',
            parts: [
              { text: 'Hm.', thought: true },
              { text: 'Let me see.' },
              { text: '\n\nQuince.', thoughtSignature: 'Qg==' },
            ],
          },
          finishReason: 'STOP',
          index: 0,
          groundingMetadata: { a: 1 },
        },
      ],
      usageMetadata: {
        promptTokenCount: 30,
        totalTokenCount: 30,
        cachedContentTokenCount: null,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: 30 }],
      },
      responseId: 'r1',
      modelVersion: 'model of r1',
    });
  });

  it('says so where the provider blocks the last round', () => {
    const first = generateContent.read({ candidates: [{ content: { parts: [signed] } }] }, 'turn-0001', 1);
    const blocked = { promptFeedback: { blockReason: 'SAFETY' } };
    const last = generateContent.read(blocked, 'turn-0001', 2);
    expect(generateContent.finish([first, last], [])).toEqual(blocked);
    expect(generateContent.finish([first, last], [], 'A note.')).toMatchObject({
      candidates: [{ content: { parts: [{ text: 'A note.' }] }, finishReason: 'OTHER' }],
    });
  });

  it('hands results to the model as output or error, under the id of the call where there was one, media behind', () => {
    const round = generateContent.read(
      {
        candidates: [
          { content: { parts: [call('notes__a'), { functionCall: { id: 'x', name: 'notes__b' } }] } },
        ],
      },
      'turn-0001',
      1,
    );
    const [a, b] = round.calls as [(typeof round.calls)[0], (typeof round.calls)[0]];
    const image = { type: 'image' as const, data: 'QUJD', mimeType: 'image/png' };
    const body = generateContent.next({ contents: [] }, round, [
      { call: a, text: 'fine', milliseconds: 1, media: [image, { ...image, mimeType: 'image/svg+xml' }] },
      { call: b, text: 'full', milliseconds: 1, failure: 'tool_error' },
    ]);
    expect(contentsOf(body)[1]).toEqual(
      user(
        result('notes__a', 'fine'),
        { functionResponse: { id: 'x', name: 'notes__b', response: { error: 'full' } } },
        { inlineData: { mimeType: 'image/png', data: 'QUJD' } },
      ),
    );
  });
});
