import fc from 'fast-check';
import type { JsonObject } from '../core/json';
import { chat } from './chat';

/** One chunk as LiteLLM sends it. */
const chunk = (delta: JsonObject, finish: string | null = null, more: JsonObject = {}): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const call = (index: number | undefined, fields: JsonObject): JsonObject => ({
  ...(index === undefined ? {} : { index }),
  ...fields,
});

/** Feeds one round and says what came out of it. */
function read(chunks: JsonObject[], clients: string[] = []) {
  const joiner = chat.join({ turn: 'turn-0001', isClients: (name) => clients.includes(name), body: {} });
  const ended = chunks.some((each) => (each['choices'] as JsonObject[])[0]?.['finish_reason'] !== null);
  const readings = [...chunks, ...(ended ? [] : [chunk({}, 'stop')])].map((each) => joiner.push(each));
  const end = joiner.endRound();
  return {
    out: readings.flatMap((reading) => reading.out),
    early: readings.flatMap((reading) => reading.calls),
    calls: [...readings.flatMap((reading) => reading.calls), ...end.calls],
    round: end.round,
    finish: joiner.finish(),
    joiner,
  };
}

const expected = [
  { id: 'a', name: 'notes__echo', arguments: '{"text": "é😀"}' },
  { id: 'b', name: 'notes__wait', arguments: '{"n": 2}' },
];

describe('a round of a chat stream', () => {
  // Each of these was sent by a real provider, or is allowed by the API.
  const [first, second] = expected as [(typeof expected)[0], (typeof expected)[0]];
  const name = (each: typeof first): JsonObject => ({ name: each.name, arguments: '' });
  const args = (text: string): JsonObject => ({ function: { arguments: text } });
  const whole = (each: typeof first): JsonObject => ({
    id: each.id,
    type: 'function',
    function: { name: each.name, arguments: each.arguments },
  });
  const ways: [string, JsonObject[]][] = [
    ['whole calls in one chunk', [chunk({ tool_calls: [call(0, whole(first)), call(1, whole(second))] })]],
    [
      'a name first and arguments in pieces',
      [
        chunk({ tool_calls: [call(0, { id: 'a', type: 'function', function: name(first) })] }),
        ...[...first.arguments].map((letter) => chunk({ tool_calls: [call(0, args(letter))] })),
        chunk({ tool_calls: [call(1, whole(second))] }),
      ],
    ],
    [
      'indices that start at 1',
      [chunk({ tool_calls: [call(1, whole(first))] }), chunk({ tool_calls: [call(2, whole(second))] })],
    ],
    [
      'no index at all',
      [
        chunk({ tool_calls: [call(undefined, whole(first))] }),
        chunk({ tool_calls: [call(undefined, whole(second))] }),
      ],
    ],
    [
      'one index for several calls',
      [chunk({ tool_calls: [call(0, whole(first))] }), chunk({ tool_calls: [call(0, whole(second))] })],
    ],
    [
      'the id repeated on each piece',
      [
        chunk({ tool_calls: [call(0, { id: 'a', function: { name: first.name, arguments: '{"text": ' } })] }),
        chunk({ tool_calls: [call(0, { id: 'a', function: { name: first.name, arguments: '"é😀"}' } })] }),
        chunk({ tool_calls: [call(1, whole(second))] }),
      ],
    ],
    [
      'empty lists of calls between the pieces',
      [
        chunk({ tool_calls: [] }),
        chunk({ tool_calls: [call(0, whole(first))] }),
        chunk({ tool_calls: [] }),
        chunk({ tool_calls: [call(1, whole(second))] }),
      ],
    ],
  ];

  it.each(ways)('gives the same calls from %s', (_way, chunks) => {
    for (const reason of ['tool_calls', 'stop']) {
      const { calls, round, out } = read([...chunks, chunk({}, reason)]);
      expect(calls).toEqual(expected);
      expect(round.calls).toEqual(expected);
      expect(JSON.stringify(out)).not.toContain('notes__');
      expect(round.message['tool_calls']).toEqual(
        expected.map((each) => ({
          id: each.id,
          type: 'function',
          function: { name: each.name, arguments: each.arguments },
        })),
      );
    }
  });

  it('makes ids up where there are none or one comes twice, the same each time the round is read', () => {
    const chunks = [
      chunk({ tool_calls: [call(0, { function: { name: 'notes__echo', arguments: '{"a":1}' } })] }),
      chunk({ tool_calls: [call(1, { id: 'x', function: { name: 'notes__echo', arguments: '{"a":2}' } })] }),
      chunk({ tool_calls: [call(2, { id: 'x', function: { name: 'notes__echo', arguments: '{"a":3}' } })] }),
    ];
    const ids = read(chunks).round.calls.map((each) => each.id);
    expect(new Set(ids).size).toBe(3);
    expect(ids[1]).toBe('x');
    expect(read(chunks).round.calls.map((each) => each.id)).toEqual(ids);
  });

  it('gives a call out once its arguments are complete, before the round ends', () => {
    const { early } = read([
      chunk({
        tool_calls: [call(0, { id: 'a', function: { name: 'notes__echo', arguments: '{"text": "}' } })],
      }),
      chunk({ tool_calls: [call(0, args('"}'))] }),
    ]);
    expect(early).toEqual([{ id: 'a', name: 'notes__echo', arguments: '{"text": "}"}' }]);
  });

  it('waits with {} alone, which some providers write before the real arguments', () => {
    const { early, calls } = read([
      chunk({ tool_calls: [call(0, { id: 'a', function: { name: 'notes__echo', arguments: '{}' } })] }),
    ]);
    expect(early).toEqual([]);
    expect(calls).toHaveLength(1);
  });

  it('keeps thinking with its signature for the next round, and shows it to the client as it comes', () => {
    const { round, out } = read([
      chunk({
        role: 'assistant',
        reasoning_content: 'Let ',
        thinking_blocks: [{ type: 'thinking', thinking: 'Let ', signature: null }],
      }),
      chunk({
        reasoning_content: 'me.',
        thinking_blocks: [{ type: 'thinking', thinking: 'me.', signature: null }],
      }),
      chunk({ thinking_blocks: [{ type: 'thinking', thinking: '', signature: 'SIG==' }] }),
      chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'XYZ' }] }),
      chunk({ tool_calls: [call(0, whole(second))] }, 'tool_calls'),
    ]);
    expect(round.message['thinking_blocks']).toEqual([
      { type: 'thinking', thinking: 'Let me.', signature: 'SIG==' },
      { type: 'redacted_thinking', data: 'XYZ' },
    ]);
    expect(round.message['reasoning_content']).toBe('Let me.');
    expect(out.map((each) => (each['choices'] as JsonObject[])[0]?.['delta'])).toHaveLength(4);
  });

  it('leaves a stream of the client’s own calls as it came', () => {
    const chunks = [
      chunk({ role: 'assistant', content: null }),
      chunk({ tool_calls: [call(0, { id: 'a', type: 'function', function: name(first) })] }),
      chunk({ tool_calls: [call(0, args(first.arguments))] }),
    ];
    const last = chunk({}, 'tool_calls');
    const { out, finish } = read([...chunks, last], [first.name]);
    expect([...out, ...finish]).toEqual([...chunks, last]);
  });

  it('loses no text, whatever way it is cut, and never shows a piece of a call of ours', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.string({ minLength: 1 }).map((content) => ({ content })),
        fc.constant({ content: '' }),
        fc.constant({}),
      ),
    );
    fc.assert(
      fc.property(pieces, pieces, (before, after) => {
        const { out, round } = read([
          ...before.map((delta) => chunk(delta)),
          chunk({ tool_calls: [call(0, whole(second))] }),
          ...after.map((delta) => chunk(delta)),
        ]);
        const text = [...before, ...after].map((delta) => ('content' in delta ? delta.content : '')).join('');
        expect(round.text).toBe(text);
        expect(
          out
            .map((each) => (each['choices'] as { delta: { content?: string } }[])[0]?.delta.content ?? '')
            .join(''),
        ).toBe(text);
        expect(JSON.stringify(out)).not.toContain('tool_calls');
      }),
    );
  });
});

describe('the rounds of a chat stream together', () => {
  it('do not pass half an answer off as a whole one', () => {
    const joiner = chat.join({ turn: 'turn-0001', isClients: () => false, body: {} });
    joiner.push(chunk({ role: 'assistant', content: 'I was ' }));
    expect(() => joiner.endRound()).toThrow(/broke off/);
  });

  it('have one id, one role, one finish and the sum of usage', () => {
    const joiner = chat.join({
      turn: 'turn-0001',
      isClients: () => false,
      body: {},
      wantsUsage: true,
    });
    const round = (id: string, delta: JsonObject, reason: string, tokens: number): JsonObject[] => [
      { ...chunk({ role: 'assistant', content: 'Text.' }), id },
      { ...chunk(delta), id },
      { ...chunk({}, reason), id },
      {
        ...chunk({}),
        id,
        choices: [],
        usage: {
          prompt_tokens: tokens,
          completion_tokens: 1,
          total_tokens: tokens + 1,
          prompt_tokens_details: { cached_tokens: 2 },
        },
      },
    ];
    const out: JsonObject[] = [];
    for (const each of round(
      'r1',
      { tool_calls: [call(0, { id: 'a', function: { name: 'notes__echo', arguments: '{"a":1}' } })] },
      'tool_calls',
      10,
    )) {
      out.push(...joiner.push(each).out);
    }
    joiner.endRound();
    out.push(joiner.keepAlive() as JsonObject);
    for (const each of round('r2', { content: ' More.' }, 'stop', 20)) out.push(...joiner.push(each).out);
    joiner.endRound();
    out.push(...joiner.finish());
    const deltas = out.map((each) => (each['choices'] as { delta: JsonObject; finish_reason: unknown }[])[0]);
    expect(new Set(out.map((each) => each['id']))).toEqual(new Set(['r1']));
    expect(deltas.filter((each) => each?.delta['role'] !== undefined)).toHaveLength(1);
    expect(deltas.map((each) => each?.delta['content'] ?? '').join('')).toBe('Text.\n\nText. More.');
    expect(deltas.flatMap((each) => each?.finish_reason ?? [])).toEqual(['stop']);
    expect(out.flatMap((each) => each['usage'] ?? [])).toEqual([
      {
        prompt_tokens: 30,
        completion_tokens: 2,
        total_tokens: 32,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    ]);
  });
});
