import { gate } from '../../scripts/src/gate';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { all, postSse, type SseEvent } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind } from '../support/tools';

const question = {
  model: 'demo',
  stream: true as const,
  messages: [{ role: 'user' as const, content: 'What is the word?' }],
};

let fixture: HttpFixture;
let stack: Stack;
/** What the tool `wait` does is decided by each test. */
let wait: (args: Record<string, unknown>) => Promise<string>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
      { name: 'wait', handler: async (args) => ({ content: [{ type: 'text', text: await wait(args) }] }) },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { keep_alive_seconds: 1, limits: { rounds: 3 } },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
  wait = async () => 'nothing to wait for';
});

const post = (extra: object = {}) =>
  postSse(`${stack.url}/v1/chat/completions`, 'sk-test-alice', { ...question, ...extra });

const chunksOf = (events: readonly SseEvent[]): any[] =>
  events.filter((event) => event.data !== '[DONE]').map((event) => JSON.parse(event.data));
const textOf = (chunks: readonly any[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('');

/** What holds for every stream that ends well. */
function expectOneAnswer(events: readonly SseEvent[], reason = 'stop'): void {
  const chunks = chunksOf(events);
  expect(events.filter((event) => event.data === '[DONE]')).toHaveLength(1);
  expect(events.at(-1)?.data).toBe('[DONE]');
  expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual([reason]);
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
  expect(new Set(chunks.map((chunk) => chunk.model)).size).toBe(1);
  expect(chunks.filter((chunk) => chunk.choices[0]?.delta?.role !== undefined)).toHaveLength(1);
}

describe('a streamed turn', () => {
  it('sends the text of round one to the client before the tool returns', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { text: 'Let me see.', toolCalls: [{ name: 'notes__wait', arguments: { a: 1 } }] }
        : { text: `It is ${lastResults(request)[0]}.` },
    );
    const { events } = await post();
    const received: SseEvent[] = [];
    for await (const event of events) {
      received.push(event);
      if (textOf(chunksOf(received)) === 'Let me see.') returned.open('quince');
    }
    expect(textOf(chunksOf(received))).toBe('Let me see.\n\nIt is quince.');
    expectOneAnswer(received);
    expect(JSON.stringify(received)).not.toContain('tool_calls');
  });

  it('starts each call as soon as its own arguments are complete, while the model still writes the next', async () => {
    const done = [gate(), gate(), gate(), gate()];
    wait = async (args) => {
      done[Number(args['n'])]?.open();
      return `result ${String(args['n'])}`;
    };
    stack.model.answerWith((request) => {
      if (roundsBehind(request) > 0) return { text: lastResults(request).join(', ') };
      return {
        stream: async (out) => {
          for (let n = 0; n < 4; n++) {
            out.delta({
              tool_calls: [
                {
                  index: n,
                  id: `call_${n}`,
                  type: 'function',
                  function: { name: 'notes__wait', arguments: '' },
                },
              ],
            });
            out.delta({ tool_calls: [{ index: n, function: { arguments: `{"n": ${n}}` } }] });
            // The model writes the next call only when this one has run: a call that waited would never be run.
            await done[n]?.opened;
          }
          out.delta({}, { finishReason: 'tool_calls' });
          out.done();
        },
      };
    });
    const { events } = await post();
    const received = await all(events);
    expect(textOf(chunksOf(received))).toBe('result 0, result 1, result 2, result 3');
    expectOneAnswer(received);
  });

  it('runs the calls of a round at the same time', async () => {
    const [together, started] = [gate(), { count: 0 }];
    wait = async (args) => {
      started.count += 1;
      if (started.count === 4) together.open();
      await together.opened;
      return String(args['n']);
    };
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [0, 1, 2, 3].map((n) => ({ name: 'notes__wait', arguments: { n } })) }
        : { text: lastResults(request).join('') },
    );
    const { events } = await post();
    expect(textOf(chunksOf(await all(events)))).toBe('0123');
  });

  it('shows no piece of a call in any chunk, and answers at once when a round begins with a call', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__wait', arguments: { a: 1 } }] }
        : { text: 'Done.' },
    );
    // The answer's headers are here while the tool still works.
    const { events, status } = await post();
    expect(status).toBe(200);
    returned.open('x');
    const received = await all(events);
    expectOneAnswer(received);
    expect(JSON.stringify(received)).not.toContain('tool_call');
    expect(JSON.stringify(received)).not.toContain('notes__wait');
  });

  it('sends keep-alives while a tool works, as chunks with an empty delta', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__wait', arguments: { a: 1 } }] }
        : { text: 'Done.' },
    );
    const { events } = await post();
    const received: SseEvent[] = [];
    for await (const event of events) {
      received.push(event);
      const empty = chunksOf(received).filter(
        (chunk) =>
          JSON.stringify(chunk.choices[0]?.delta) === '{}' && chunk.choices[0].finish_reason === null,
      );
      if (empty.length === 2) returned.open('x');
    }
    expectOneAnswer(received);
  });

  it('ends with one error chunk when the model’s stream breaks off in round two', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__echo', arguments: { text: 'a' } }] }
        : {
            stream: (out) => {
              out.delta({ role: 'assistant', content: 'It' });
              out.destroy();
            },
          },
    );
    const received = await all((await post()).events);
    expect(received.at(-1)?.data).toBe('[DONE]');
    expect(chunksOf(received).filter((chunk) => chunk.error !== undefined)).toHaveLength(1);
    expect(JSON.stringify(received)).not.toContain('tool_calls');
  });
});

describe('tools of the client in a stream', () => {
  const weather = {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  };

  it('are called by the client: every chunk of the call comes through as bare LiteLLM would send it', async () => {
    const call = { id: 'call_w1', name: 'weather', arguments: '{"city": "Bern"}' };
    stack.model.answerWith(() => ({ text: 'One moment.', toolCalls: [call] }));
    const withTools = { tools: [weather] };
    const through = chunksOf(await all((await post(withTools)).events));
    // The same request with nothing of ours in it: tool_choice "required" keeps Toolturn out.
    const bare = chunksOf(await all((await post({ ...withTools, tool_choice: 'required' })).events));
    const comparable = (chunks: any[]) => chunks.map((chunk) => ({ ...chunk, id: '', created: 0 }));
    expect(comparable(through)).toEqual(comparable(bare));
    expect(through.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(['tool_calls']);
  });
});
