import fc from 'fast-check';
import { messageEvents, blockEvents, streamProblems } from '../../../tests/support/messages-model';
import type { JsonObject } from '../core/json';
import { messages } from './messages';

const head = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  stop_reason: null,
  stop_sequence: null,
};
const usage = { input_tokens: 10, output_tokens: 5 };
const text = (said: string): JsonObject => ({ type: 'text', text: said });
const call = (
  id: string,
  name = 'notes__echo',
  input: JsonObject | string = { text: 'é😀' },
): JsonObject => ({
  type: 'tool_use',
  id,
  name,
  input,
});
const thinking = (thought: string): JsonObject => ({
  type: 'thinking',
  thinking: thought,
  signature: 'c2ln/+==',
});

/** The events of a message of the model, as Anthropic streams them. */
const stream = (blocks: JsonObject[], more: { usage?: JsonObject; stopReason?: string } = {}): JsonObject[] =>
  messageEvents({ ...head }, { blocks, usage, ...more }) as JsonObject[];

/** Feeds the rounds of a turn, the first of them with what the door passed before a call was seen. */
function join(rounds: JsonObject[][], clients: string[] = []) {
  const joiner = messages.join({ turn: 'turn-0001', isClients: (name) => clients.includes(name), body: {} });
  const [first = [], ...others] = rounds;
  const begins = first.findIndex(
    ({ content_block: block }) => (block as JsonObject | undefined)?.['type'] === 'tool_use',
  );
  const passed = first.slice(0, Math.max(begins, 0));
  joiner.seen(passed);
  const early: unknown[] = [];
  const out = [...passed];
  const read = [first.slice(passed.length), ...others].map((events) => {
    const readings = events.map((event) => joiner.push(event));
    early.push(...readings.flatMap((reading) => reading.calls));
    const end = joiner.endRound();
    out.push(...readings.flatMap((reading) => reading.out), ...end.out);
    return { ...end.round, given: [...readings.flatMap((reading) => reading.calls), ...end.calls] };
  });
  out.push(...joiner.finish());
  return { out, early, rounds: read, joiner };
}

/** The message that a client puts together from a stream (as @anthropic-ai/sdk does). */
function viewOf(events: readonly JsonObject[]): any {
  let message: any;
  for (const event of structuredClone(events) as any[]) {
    const block = message?.content[event.index];
    if (event.type === 'message_start') message = event.message;
    if (event.type === 'content_block_start') message.content.push({ ...event.content_block });
    if (event.type === 'content_block_delta') {
      const { delta } = event;
      if (delta.type === 'text_delta') block.text += delta.text;
      if (delta.type === 'thinking_delta') block.thinking += delta.thinking;
      if (delta.type === 'signature_delta') block.signature = delta.signature;
      if (delta.type === 'citations_delta') block.citations = [...(block.citations ?? []), delta.citation];
      if (delta.type === 'input_json_delta') block.written = (block.written ?? '') + delta.partial_json;
    }
    if (event.type === 'content_block_stop' && block.written !== undefined) {
      block.input = block.written === '' ? {} : JSON.parse(block.written);
      delete block.written;
    }
    if (event.type === 'message_delta') {
      Object.assign(message, event.delta);
      message.usage = { ...message.usage, ...event.usage };
    }
  }
  return message;
}

describe('a round of a messages stream', () => {
  const expected = [
    { id: 'a', name: 'notes__echo', arguments: '{"text": "é😀"}' },
    { id: 'b', name: 'notes__wait', arguments: '{"n": 2}' },
  ];
  const [first, second] = expected as [(typeof expected)[0], (typeof expected)[0]];
  const start = (index: number, { id, name }: typeof first, input: JsonObject = {}): JsonObject => ({
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', id, name, input },
  });
  const piece = (index: number, json: string): JsonObject => ({
    type: 'content_block_delta',
    index,
    delta: { type: 'input_json_delta', partial_json: json },
  });
  const stop = (index: number): JsonObject => ({ type: 'content_block_stop', index });
  const begin: JsonObject = { type: 'message_start', message: { ...head, content: [], usage } };
  const end: JsonObject[] = [
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { output_tokens: 5 },
    },
    { type: 'message_stop' },
  ];

  it.each<[string, JsonObject[]]>([
    [
      'arguments in one piece',
      [
        start(0, first),
        piece(0, first.arguments),
        stop(0),
        start(1, second),
        piece(1, second.arguments),
        stop(1),
      ],
    ],
    [
      'arguments letter by letter, with empty pieces between',
      [
        start(0, first),
        ...[...first.arguments].flatMap((letter) => [piece(0, ''), piece(0, letter)]),
        stop(0),
        start(1, second),
        ...[...second.arguments].map((letter) => piece(1, letter)),
        stop(1),
      ],
    ],
    [
      'blocks that are never ended',
      [start(0, first), piece(0, first.arguments), start(1, second), piece(1, second.arguments)],
    ],
    [
      'indices that do not begin at 0, with pings between',
      [
        start(3, first),
        { type: 'ping' },
        piece(3, first.arguments),
        stop(3),
        start(4, second),
        piece(4, second.arguments),
        stop(4),
      ],
    ],
  ])('gives the same calls from %s', (_way, events) => {
    const { rounds, out } = join([[begin, ...events, ...end]]);
    expect(rounds[0]?.given).toEqual(expected);
    expect(rounds[0]?.calls).toEqual(expected);
    expect(rounds[0]?.message).toEqual({
      role: 'assistant',
      content: expected.map(({ id, name, arguments: written }) => ({
        type: 'tool_use',
        id,
        name,
        input: JSON.parse(written),
      })),
    });
    expect(streamProblems(out)).toEqual([]);
    expect(JSON.stringify(out)).not.toMatch(/tool_use|notes__/);
  });

  it('takes arguments that came whole with the beginning of the block', () => {
    const { rounds } = join([[begin, start(0, first, { n: 1 }), stop(0), ...end]]);
    expect(rounds[0]?.calls).toEqual([{ ...first, arguments: '{"n":1}' }]);
    expect(rounds[0]?.message['content']).toMatchObject([{ input: { n: 1 } }]);
  });

  it('gives a call out once its arguments are complete, before its block ends', () => {
    const joiner = messages.join({ turn: 'turn-0001', isClients: () => false, body: {} });
    for (const event of [begin, start(0, first), piece(0, '{"text": "}')])
      expect(joiner.push(event).calls).toEqual([]);
    expect(joiner.push(piece(0, '"}')).calls).toEqual([{ ...first, arguments: '{"text": "}"}' }]);
    expect(joiner.push(stop(0)).calls).toEqual([]);
  });

  it('runs the first of two calls which LiteLLM 1.77.3 writes into one block, and sends that one back', () => {
    const { rounds } = join([
      [begin, start(0, first), piece(0, '{"a": 1}'), piece(0, '{"b": 2}'), stop(0), ...end],
    ]);
    expect(rounds[0]?.calls).toEqual([{ ...first, arguments: '{"a": 1}' }]);
    expect(rounds[0]?.message['content']).toMatchObject([{ input: { a: 1 } }]);
  });

  it('makes ids up where there are none or one comes twice, the same each time the round is read', () => {
    const ids = () => join([stream([call(''), call('x'), call('x')])]).rounds[0]?.calls.map(({ id }) => id);
    expect(new Set(ids()).size).toBe(3);
    expect(ids()?.[1]).toBe('x');
    expect(ids()).toEqual(ids());
  });

  it('sends an object upstream where the arguments are none, and keeps what was written for the one who reads them', () => {
    const { rounds } = join([stream([call('a', 'notes__echo', '{"text": "wo')])]);
    expect(rounds[0]?.calls).toMatchObject([{ arguments: '{"text": "wo' }]);
    expect(rounds[0]?.message['content']).toEqual([call('a', 'notes__echo', {})]);
  });

  it.each([
    ['end_turn', ''],
    ['max_tokens', '{'],
  ])(
    'reads a call with nothing written as one without arguments, unless it was cut off: %s',
    (stopReason, written) => {
      const { rounds } = join([stream([call('a', 'notes__echo', '')], { stopReason })]);
      expect(rounds[0]?.given).toMatchObject([{ arguments: written }]);
      expect(rounds[0]?.message['content']).toEqual([call('a', 'notes__echo', {})]);
    },
  );

  it('keeps every block for the next round as the model wrote it, and shows it as it comes', () => {
    const blocks: JsonObject[] = [
      thinking('Die Größe:\n\n  “x” ≤ 3 \u00a0 ok. '),
      { type: 'redacted_thinking', data: 'cmVkYWN0ZWQ=' },
      text('Let me search.'),
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        content: [{ type: 'web_search_result', url: 'u' }],
      },
      { ...text('It says so.'), citations: [{ type: 'web_search_result_location', cited_text: 'so' }] },
      { type: 'of_times_to_come', field: { a: [1, null] } },
    ];
    const events = stream([...blocks, call('a')]);
    const { rounds, out } = join([events, stream([])]);
    expect(rounds[0]?.message).toEqual({ role: 'assistant', content: [...blocks, call('a')] });
    expect(viewOf(out).content).toEqual(blocks);
    expect(streamProblems(out)).toEqual([]);
  });

  it('puts kinds of deltas together that it does not know', () => {
    const delta = (content: string): JsonObject => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'compaction_delta', content },
    });
    const events = [
      begin,
      { type: 'content_block_start', index: 0, content_block: { type: 'compaction', content: null } },
      delta('What was '),
      delta('said.'),
      stop(0),
      { type: 'news', index: 0 },
      ...end,
    ];
    const { rounds, out } = join([events]);
    expect(rounds[0]?.message['content']).toEqual([{ type: 'compaction', content: 'What was said.' }]);
    expect(out.slice(0, -2)).toEqual(events.slice(0, -2));
  });

  it('leaves a stream of the client’s own calls as it came', () => {
    const events = stream([thinking('Hm.'), text('One moment.'), call('a', 'Bash'), call('b', 'Read')]);
    const { out } = join([events], ['Bash', 'Read']);
    expect(JSON.stringify(out)).toBe(JSON.stringify(events));
  });

  it('shows the client’s calls alone where ours stand beside them', () => {
    const events = stream([
      text('Both.'),
      call('a'),
      call('b', 'Bash'),
      call('c'),
      text('Go.'),
      call('d', 'Read'),
    ]);
    const { out, rounds } = join([events], ['Bash', 'Read']);
    expect(streamProblems(out)).toEqual([]);
    expect(viewOf(out)).toMatchObject({
      content: [text('Both.'), call('b', 'Bash'), text('Go.'), call('d', 'Read')],
      stop_reason: 'tool_use',
      usage,
    });
    expect(rounds[0]?.calls.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('does not pass half an answer off as a whole one', () => {
    const joiner = messages.join({ turn: 'turn-0001', isClients: () => false, body: {} });
    for (const event of stream([text('Half an answer')]).slice(0, -2)) joiner.push(event);
    expect(() => joiner.endRound()).toThrow('broke off before its end');
  });
});

describe('the rounds of a messages stream together', () => {
  it('are one message: begun once, blocks counted on, ended once with the sum of usage', () => {
    const counted = (input: number, output: number): JsonObject => ({
      input_tokens: input,
      cache_creation_input_tokens: 1,
      cache_read_input_tokens: 100,
      cache_creation: { ephemeral_5m_input_tokens: 1 },
      server_tool_use: null,
      service_tier: 'standard',
      output_tokens: output,
    });
    const { out, rounds } = join([
      stream([thinking('One.'), text('Let me see.'), call('a')], { usage: counted(10, 3) }),
      stream([thinking('Two.'), text('And more.'), call('b')], { usage: counted(20, 4) }),
      stream([text(' Done.')], { usage: counted(30, 5) }),
    ]);
    expect(streamProblems(out)).toEqual([]);
    expect(viewOf(out)).toMatchObject({
      content: [
        thinking('One.'),
        text('Let me see.'),
        thinking('Two.'),
        text('\n\nAnd more.'),
        text(' Done.'),
      ],
      stop_reason: 'end_turn',
      usage: {
        input_tokens: 60,
        output_tokens: 12,
        cache_creation_input_tokens: 3,
        cache_read_input_tokens: 300,
        cache_creation: { ephemeral_5m_input_tokens: 3 },
      },
    });
    expect(rounds.map((round) => round.text)).toEqual(['Let me see.', 'And more.', ' Done.']);
    expect(rounds[1]?.message['content']).toEqual([thinking('Two.'), text('And more.'), call('b')]);
  });

  it('show no empty text of a later round, with which LiteLLM’s adapters begin', () => {
    const adapted = (blocks: JsonObject[]): JsonObject[] => stream([text(''), ...blocks]);
    const { out, rounds } = join([adapted([call('a')]), adapted([call('b')]), stream([text('Done.')])]);
    expect(viewOf(out).content).toEqual([text(''), text('Done.')]);
    expect(streamProblems(out)).toEqual([]);
    expect(rounds[0]?.message['content']).toEqual([call('a')]);
  });

  it.each([
    ['max_tokens', 'max_tokens'],
    ['pause_turn', 'pause_turn'],
    ['refusal', 'refusal'],
    ['tool_use', 'end_turn'],
  ])('end with the last reason, and never with calls that nobody gets: %s', (stopReason, shown) => {
    const { out } = join([stream([call('a')]), stream([text('Well.')], { stopReason })]);
    expect(viewOf(out).stop_reason).toBe(shown);
  });

  it('hold a note of ours as a block of its own', () => {
    const { joiner, out } = join([stream([text('Let me see.'), call('a')]), stream([])]);
    const noted = [...out.slice(0, -2), ...joiner.note('No answer was reached.'), ...out.slice(-2)];
    expect(streamProblems(noted)).toEqual([]);
    expect(viewOf(noted).content).toEqual([text('Let me see.'), text('\n\nNo answer was reached.')]);
  });

  it('are kept alive by pings', () => {
    expect(join([stream([call('a')])]).joiner.keepAlive()).toEqual({ type: 'ping' });
  });

  it('look the same to the client and to the model whatever way the text and the arguments are cut', () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
    const block = fc.oneof(
      word.map(text),
      word.map(thinking),
      fc.record({ text: word }).map((input) => call('', 'notes__echo', input)),
      fc.record({ command: word }).map((input) => call('', 'Bash', input)),
    );
    const anyRounds = fc.array(fc.array(block, { maxLength: 5 }), { minLength: 1, maxLength: 4 });
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(anyRounds, cuts, (blocks, sizes) => {
        const whole = join(
          blocks.map((each) => stream(each)),
          ['Bash'],
        );
        const cut = join(
          blocks.map((each) =>
            stream(each).flatMap((event) => inPieces(event, () => sizes.next().value ?? 1)),
          ),
          ['Bash'],
        );
        expect(streamProblems(cut.out)).toEqual([]);
        expect(viewOf(cut.out)).toEqual(viewOf(whole.out));
        expect(cut.rounds.map(({ message, calls }) => ({ message, calls }))).toEqual(
          whole.rounds.map(({ message, calls }) => ({ message, calls })),
        );
        expect(JSON.stringify(cut.out)).not.toContain('notes__echo');
        const shown = blocks.flat().filter((each) => each['name'] !== 'notes__echo');
        expect(viewOf(cut.out).content.map(({ type }: JsonObject) => type)).toEqual(
          shown.map(({ type }) => type),
        );
      }),
    );
  });
});

/** A delta as several, each with a few characters of its text. */
function inPieces(event: JsonObject, size: () => number): JsonObject[] {
  const delta = event['delta'] as JsonObject | undefined;
  const name = ['text', 'thinking', 'partial_json'].find((each) => typeof delta?.[each] === 'string');
  if (delta === undefined || name === undefined) return [event];
  const rest = [...String(delta[name])];
  const pieces: JsonObject[] = [{ ...event, delta: { ...delta, [name]: '' } }];
  while (rest.length > 0)
    pieces.push({ ...event, delta: { ...delta, [name]: rest.splice(0, size()).join('') } });
  return pieces;
}

test('the model of the tests streams a block in the grammar of the API', () => {
  expect(blockEvents(text('a b'), 2).map(({ type, index }) => [type, index])).toEqual([
    ['content_block_start', 2],
    ['content_block_delta', 2],
    ['content_block_delta', 2],
    ['content_block_stop', 2],
  ]);
});
