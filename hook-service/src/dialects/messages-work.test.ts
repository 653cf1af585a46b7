import fc from 'fast-check';
import { messageEvents, messageProblems, streamProblems } from '../../../tests/support/messages-model';
import { finished, oneCall, oneCallNotes, progress, started } from '../../../tests/support/work';
import type { JsonObject } from '../core/json';
import type { Surface } from '../core/surface';
import type { Work } from '../core/work';
import { messages } from './messages';

const head = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm' };
const text = (said: string): JsonObject => ({ type: 'text', text: said });
const own = (id: string): JsonObject => ({ type: 'tool_use', id, name: 'weather', input: { city: 'Bern' } });
const ours = (id: string): JsonObject => ({ type: 'tool_use', id, name: 'notes__echo', input: { n: 0 } });
const eventsOf = (blocks: readonly JsonObject[]): JsonObject[] =>
  messageEvents(head, { blocks }) as JsonObject[];

const join = (surface: Surface) =>
  messages.join({ turn: 'turn0001', isClients: (name) => name === 'weather', body: {}, surface });

/** What the client has of a stream, as an SDK puts it together. */
function contentOf(events: readonly JsonObject[]): any[] {
  expect(streamProblems(events)).toEqual([]);
  const blocks: any[] = [];
  for (const event of events as any[]) {
    if (event.type === 'content_block_start')
      blocks[event.index] = { ...event.content_block, input_json: '' };
    if (event.type !== 'content_block_delta') continue;
    const block = blocks[event.index];
    const { delta } = event;
    if (delta.type === 'text_delta') block.text += delta.text;
    if (delta.type === 'thinking_delta') block.thinking += delta.thinking;
    if (delta.type === 'signature_delta') block.signature = delta.signature;
    if (delta.type === 'input_json_delta') block.input_json += delta.partial_json;
  }
  return blocks.map(({ input_json: written, ...block }) =>
    written === '' ? block : { ...block, input: JSON.parse(written) },
  );
}

const use = (number: number): JsonObject => ({
  type: 'mcp_tool_use',
  id: `mcptoolu_toolturn_turn0001_${number}`,
  name: 'echo',
  input: { n: number },
  server_name: 'notes',
});
const result = (number: number): JsonObject => ({
  type: 'mcp_tool_result',
  tool_use_id: `mcptoolu_toolturn_turn0001_${number}`,
  is_error: false,
  content: [{ type: 'text', text: `result ${number}` }],
});
const notes = { type: 'thinking', thinking: oneCallNotes, signature: 'toolturnturn0001' };

describe('tool work in a Messages stream', () => {
  it.each([
    ['progress', [text('A'), notes, text('\n\nB')]],
    ['native', [text('A'), use(0), result(0), text('\n\nB')]],
  ] as const)('%s stands between the rounds, with indices counted on', (surface, content) => {
    const joiner = join(surface);
    const first = eventsOf([text('A'), ours('toolu_1')]).flatMap((event) => joiner.push(event).out);
    joiner.endRound();
    const work = oneCall.flatMap((each) => joiner.work(each));
    const last = eventsOf([text('B')]).flatMap((event) => joiner.push(event).out);
    joiner.endRound();
    expect(contentOf([...first, ...work, ...last, ...joiner.finish()])).toEqual(content);
  });

  it('never stands inside of a block, and the client’s calls come last, whenever work happens', () => {
    const blocks = [text('A'), ours('toolu_1'), own('toolu_2'), text('B'), ours('toolu_3'), own('toolu_4')];
    const events = eventsOf(blocks);
    const work: Work[] = [started(0), started(1), progress(1, 2), finished(1), progress(0, 9), finished(0)];
    const times = fc.array(fc.nat(events.length), { minLength: work.length, maxLength: work.length });
    fc.assert(
      fc.property(times, fc.constantFrom('progress' as const, 'native' as const), (at, surface) => {
        const joiner = join(surface);
        const when = [...at].sort((left, right) => left - right);
        const happens = (position: number): JsonObject[] =>
          work.filter((_each, index) => when[index] === position).flatMap((each) => joiner.work(each));
        const shown = events.flatMap((event, position) => [...happens(position), ...joiner.push(event).out]);
        shown.push(...joiner.endRound().out, ...happens(events.length), ...joiner.finish());
        // The message begins before anything else in every real stream: the door has passed it on.
        const begins = shown.findIndex((event) => event['type'] === 'message_start');
        const content = contentOf([
          ...shown.slice(begins, begins + 1),
          ...shown.filter((_e, i) => i !== begins),
        ]);
        expect(content.slice(-2)).toEqual([own('toolu_2'), own('toolu_4')]);
        const said = content.filter((block) => block.type === 'text').map((block) => block.text);
        expect(said.join('')).toBe('AB');
        const types = content.map((block) => block.type);
        if (surface === 'native')
          expect(types.filter((type) => type === 'mcp_tool_use' || type === 'mcp_tool_result')).toHaveLength(
            4,
          );
        else
          expect(
            content
              .map((block) => block.thinking ?? '')
              .join('')
              .split('\n'),
          ).toHaveLength(7);
      }),
    );
  });
});

describe('tool work in a whole message', () => {
  const response = (blocks: JsonObject[], stop = 'end_turn'): JsonObject => ({
    ...head,
    content: blocks,
    stop_reason: stop,
    usage: {},
  });

  it.each([
    ['progress', [text('A'), notes, own('toolu_2')]],
    ['native', [text('A'), use(0), result(0), own('toolu_2')]],
  ] as const)('%s stands behind its round and in front of the client’s calls', (surface, content) => {
    const round = messages.read(
      response([text('A'), own('toolu_2'), ours('toolu_1')], 'tool_use'),
      'turn0001',
      1,
    );
    const work = { turn: 'turn0001', surface, rounds: [oneCall] };
    const answer = messages.finish([round], round.calls.slice(0, 1), undefined, undefined, work);
    expect(answer['content']).toEqual(content);
  });
});

describe('tool work that a Messages client sends back', () => {
  const taken = (content: JsonObject[], ...more: JsonObject[]): any[] =>
    messages.takeBack({
      messages: [{ role: 'user', content: 'Q' }, { role: 'assistant', content }, ...more],
    })['messages'] as any[];
  const call = (number: number): JsonObject => ({
    type: 'tool_use',
    id: `toolu_toolturn_turn0001_${number}`,
    name: 'notes__echo',
    input: { n: number },
  });
  const answered = (number: number): JsonObject => ({
    type: 'tool_result',
    tool_use_id: `toolu_toolturn_turn0001_${number}`,
    content: [{ type: 'text', text: `result ${number}` }],
  });

  it('goes where it is thinking of ours, also without its signature', () => {
    const model = { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' };
    const { signature: _lost, ...unsigned } = notes;
    expect(taken([model, notes, unsigned, text('A')])[1].content).toEqual([model, text('A')]);
    expect(taken([notes])).toHaveLength(1);
  });

  it('becomes calls with their results, round by round', () => {
    expect(taken([text('A'), use(0), result(0), use(1), use(2), result(2), result(1), text('B')])).toEqual([
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: [text('A'), call(0)] },
      { role: 'user', content: [answered(0)] },
      { role: 'assistant', content: [call(1), call(2)] },
      { role: 'user', content: [answered(1), answered(2)] },
      { role: 'assistant', content: [text('B')] },
    ]);
  });

  it('is well-formed whatever order and holes a client has made', () => {
    const pool = [text('A'), notes, use(0), result(0), use(1), result(1), own('toolu_9')];
    const content = fc.shuffledSubarray(pool, { minLength: 1 });
    fc.assert(
      fc.property(content, (blocks) => {
        const replies = blocks.some((block) => block['type'] === 'tool_use')
          ? [{ type: 'tool_result', tool_use_id: 'toolu_9', content: 'sunny' }]
          : [text('Sure?')];
        const messagesNow = taken(blocks, { role: 'user', content: replies });
        expect(messageProblems(messagesNow)).toEqual([]);
        expect(JSON.stringify(messagesNow)).not.toMatch(/mcp_tool|mcptoolu|\[toolturn\]/);
      }),
    );
  });

  it('leaves blocks of the provider’s own connector alone', () => {
    const foreign = [
      { type: 'mcp_tool_use', id: 'mcptoolu_01', name: 'echo', input: {}, server_name: 'theirs' },
      { type: 'mcp_tool_result', tool_use_id: 'mcptoolu_01', is_error: false, content: [] },
    ];
    const body = { messages: [{ role: 'assistant', content: [...foreign, text('A')] }] };
    expect(messages.takeBack(body)).toBe(body);
    expect(taken([...foreign, use(0), result(0)])[1].content).toEqual([...foreign, call(0)]);
  });

  it('keeps the client’s marks for the prompt cache', () => {
    const mark = { cache_control: { type: 'ephemeral' } };
    expect(taken([use(0), { ...result(0), ...mark }])[2].content).toEqual([{ ...answered(0), ...mark }]);
  });
});
