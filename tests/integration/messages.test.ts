import Anthropic from '@anthropic-ai/sdk';
import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import {
  startScriptedModel,
  type Answer,
  type ModelRequest,
  type ScriptedModel,
} from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import {
  blockEvents,
  messageHead,
  messageProblems,
  messagesIn,
  namesIn,
  refuse,
  resultsIn,
  roundsBehind,
  say,
  sendEvent,
  streamProblems,
  type ScriptedMessage,
} from '../support/messages-model';
import { ResponsesProvider } from '../support/responses-model';
import { startStack, type Stack } from '../support/stack';

type Params = Anthropic.MessageCreateParamsNonStreaming;

const question: Params = {
  model: 'claude',
  max_tokens: 1000,
  messages: [{ role: 'user', content: 'What is the word?' }],
};
/** A question of its own, for turns that fail: the same one again would be a retry of theirs. */
const another = (what: string): Partial<Params> => ({
  messages: [{ role: 'user', content: `What is ${what}?` }],
});
const weather: Anthropic.Tool = { name: 'weather', input_schema: { type: 'object', properties: {} } };
const echo = (said: string, id?: string) => ({
  name: 'notes__echo',
  input: { text: said },
  ...(id === undefined ? {} : { id }),
});
const ownCall = (id: string) => ({ id, name: 'weather', input: { city: 'Bern' } });

let claude: ScriptedModel;
let fixture: HttpFixture;
let stack: Stack;
let wait: () => Promise<string>;

beforeAll(async () => {
  claude = await startScriptedModel({ answer: (request) => say(request, { text: 'no script' }) });
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
      { name: 'wait', handler: () => wait() },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { keep_alive_seconds: 1, limits: { rounds: 4 } },
    models: [
      {
        model_name: 'vllm',
        litellm_params: { model: 'hosted_vllm/demo', api_base: claude.url, api_key: 'none' },
      },
      {
        model_name: 'claude',
        litellm_params: {
          model: 'anthropic/claude-sonnet-4-5',
          api_base: claude.url.replace(/\/v1$/, ''),
          api_key: 'none',
        },
      },
    ],
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await claude?.stop();
});

beforeEach(async () => {
  claude.reset();
  stack.model.reset();
  wait = async () => 'nothing to wait for';
  if (!stack.hook.running) await startHook();
});

/** Starts hook-service again and waits until it has its tools. */
async function startHook(): Promise<void> {
  stack.hook = await stack.startHook();
  const ready = async () => (await fetch(`${stack.hook.url}/health/ready`)).ok;
  await waitUntil(ready, { timeoutMs: 20_000, what: 'hook-service with its tools' });
}

/** Every request of a turn is well-formed for Anthropic. */
afterEach(() => {
  for (const request of claude.requests) expect(messageProblems(messagesIn(request))).toEqual([]);
});

const client = (alias = 'alice'): Anthropic =>
  new Anthropic({ baseURL: stack.url, authToken: `sk-test-${alias}`, apiKey: null, maxRetries: 0 });

/** Says what the model answers by how many rounds of the turn lie behind. */
const script = (answer: (behind: number, request: ModelRequest) => ScriptedMessage): void =>
  claude.answerWith((request) => say(request, answer(roundsBehind(request), request)));

/** Asks with Anthropic's own SDK; a stream is checked against the grammar of the API on the way. */
async function ask(
  stream: boolean,
  params: Partial<Params> = {},
  alias?: string,
): Promise<Anthropic.Message> {
  const body = { ...question, ...params };
  if (!stream) return client(alias).messages.create(body);
  const events: any[] = [];
  const running = client(alias)
    .messages.stream(body)
    .on('streamEvent', (event) => events.push(structuredClone(event)));
  const message = await running.finalMessage();
  expect(streamProblems(events)).toEqual([]);
  expect(JSON.stringify(events)).not.toContain('"name":"notes__');
  return message;
}

const isOurs = (name: string): boolean => name.startsWith('notes__');
const textOf = (message: Anthropic.Message): string =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
const callsOf = (message: Anthropic.Message): string[] =>
  message.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
const asked = (message: Anthropic.Message): Anthropic.MessageParam => ({
  role: 'assistant',
  content: message.content,
});
const result = (id: string, content: string): Anthropic.ToolResultBlockParam => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
});

describe.each([
  ['streamed', true],
  ['not streamed', false],
])('a turn on /v1/messages, %s', (_how, stream) => {
  it('without a call is the model’s own answer', async () => {
    script(() => ({ text: 'Hello there.', usage: { input_tokens: 7, output_tokens: 3 } }));
    const answer = await ask(stream);
    expect(answer).toMatchObject({
      content: [{ type: 'text', text: 'Hello there.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 7, output_tokens: 3 },
    });
    expect(namesIn(claude.requests[0]).filter(isOurs)).toEqual([
      'notes__broken',
      'notes__echo',
      'notes__wait',
    ]);
  });

  it('of one round ends with one answer that holds what the tool said, without a trace of the call', async () => {
    script((behind, request) =>
      behind === 0
        ? {
            text: 'Let me see.',
            calls: [echo('quince')],
            usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 3 },
          }
        : {
            text: `It says ${resultsIn(request)[0]}.`,
            usage: { input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 5 },
          },
    );
    const answer = await ask(stream);
    expect(textOf(answer)).toBe('Let me see.\n\nIt says quince.');
    expect(answer.stop_reason).toBe('end_turn');
    expect(callsOf(answer)).toEqual([]);
    expect(answer.usage).toMatchObject({ input_tokens: 30, cache_read_input_tokens: 170, output_tokens: 8 });
    expect(messagesIn(claude.requests[1]).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me see.' },
          { type: 'tool_use', id: expect.any(String), name: 'notes__echo', input: { text: 'quince' } },
        ],
      },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: expect.any(String), content: 'quince' }],
      },
    ]);
    const unchanged = ({ messages: _, ...rest }: Record<string, unknown>) => rest;
    expect(unchanged(claude.requests[1]?.body ?? {})).toEqual(unchanged(claude.requests[0]?.body ?? {}));
  });

  it('goes on for three rounds with the text and the thinking of each', async () => {
    const thinking = (n: number) => ({
      type: 'thinking',
      thinking: `Thought ${n}.`,
      signature: `c2ln${n}+/==`,
    });
    const ours = (n: number) => ({ type: 'tool_use', id: `toolu_${stream}_${n}`, ...echo(`r${n}`) });
    const said = (n: number) => ({ type: 'text', text: `Step ${n}.` });
    script((behind) =>
      behind < 3
        ? { blocks: [thinking(behind), said(behind), ours(behind)] }
        : { blocks: [thinking(3), { type: 'text', text: 'Done.' }] },
    );
    const answer = await ask(stream, {
      thinking: { type: 'enabled', budget_tokens: 1024 },
      max_tokens: 2000,
    });
    expect(textOf(answer)).toBe('Step 0.\n\nStep 1.\n\nStep 2.\n\nDone.');
    expect(answer.content.filter(({ type }) => type === 'thinking')).toEqual([0, 1, 2, 3].map(thinking));
    const upstream = messagesIn(claude.requests[3]).filter(({ role }) => role === 'assistant');
    expect(JSON.stringify(upstream.map(({ content }) => content))).toBe(
      JSON.stringify([0, 1, 2].map((n) => [thinking(n), said(n), ours(n)])),
    );
  });

  it('may be mixed, and mixed again when the client’s result arrives, also after a restart of hook-service', async () => {
    const id = (n: number) => `t_${stream}_mixed_${n}`;
    script((behind, request) =>
      behind < 2
        ? { text: `Part ${behind}.`, calls: [ownCall(id(behind)), echo(`ours ${behind}`)] }
        : {
            text: messagesIn(request)
              .flatMap(({ content }) => (Array.isArray(content) ? content : []))
              .flatMap((block) => (block.type === 'tool_result' ? [block.content] : []))
              .join(' / '),
          },
    );
    const first = await ask(stream, { tools: [weather] });
    const history: Anthropic.MessageParam[] = [
      ...question.messages,
      asked(first),
      { role: 'user', content: [result(id(0), 'sunny')] },
    ];
    await stack.hook.stop();
    await startHook();
    const second = await ask(stream, { tools: [weather], messages: history });
    expect([callsOf(first), callsOf(second)]).toEqual([[id(0)], [id(1)]]);
    const third = await ask(stream, {
      tools: [weather],
      messages: [...history, asked(second), { role: 'user', content: [result(id(1), 'rainy')] }],
    });
    expect(textOf(third)).toBe('sunny / ours 0 / rainy / ours 1');
    expectPrefixes(claude.requests);
  });

  it('goes on when the client never answers its own call and says something else', async () => {
    const id = `t_${stream}_never`;
    script((_behind, request) =>
      request.body['messages'] !== undefined && messagesIn(request).length > 1
        ? { text: resultsIn(request).join(' / ') }
        : { calls: [ownCall(id), echo('ours')] },
    );
    const first = await ask(stream, { tools: [weather] });
    const second = await ask(stream, {
      tools: [weather],
      messages: [...question.messages, asked(first), { role: 'user', content: 'Never mind.' }],
    });
    expect(textOf(second)).toBe('This call was not run. / ours');
  });

  it('asks with tools declared but forbidden where the provider refuses old calls without them', async () => {
    claude.answerWith((request) => {
      if (namesIn(request).length === 0)
        return refuse(
          400,
          'invalid_request_error',
          'Requests which include `tool_use` blocks must define tools',
        );
      const choice = request.body['tool_choice'] as { type?: string } | undefined;
      return say(request, choice?.type === 'none' ? { text: 'Done.' } : { calls: [echo('again')] });
    });
    expect(textOf(await ask(stream))).toBe('Done.');
  });

  it('says that no answer was reached when the model does nothing but ask for tools', async () => {
    script(() => ({ calls: [echo('again')] }));
    const answer = await ask(stream);
    expect(textOf(answer)).toMatch(/No answer was reached.*limit of 4 rounds/);
    expect(answer.stop_reason).toBe('end_turn');
    expect(callsOf(answer)).toEqual([]);
  });

  it.each<[string, { name: string; input: object }, RegExp]>([
    ['an error of the tool', { name: 'notes__broken', input: {} }, /The disk is full/],
    ['an unknown tool', { name: 'notes__delete', input: {} }, /Unknown tool notes__delete/],
  ])('tells the model about %s, marked as an error, and goes on', async (_what, call, told) => {
    script((behind, request) => (behind === 0 ? { calls: [call] } : { text: resultsIn(request).join() }));
    expect(textOf(await ask(stream))).toMatch(told);
    expect(messagesIn(claude.requests[1]).at(-1)?.content).toEqual([
      expect.objectContaining({ type: 'tool_result', is_error: true }),
    ]);
  });

  it('ends with an error of the API’s form when the model fails in round two', async () => {
    claude.answerWith((request) =>
      roundsBehind(request) === 0
        ? say(request, { text: 'Let me see.', calls: [echo('a')] })
        : refuse(429, 'rate_limit_error', 'the model is overloaded'),
    );
    const error = await failure(ask(stream, another(`the hour, ${stream}`)));
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error.message).toContain('the model is overloaded');
    expect(stream ? error.error.error.type : error.status).toBe(stream ? 'rate_limit_error' : 429);
  });

  it('remembers every hidden round of five turns for a client that sends back nothing but the text', async () => {
    const conversation: Anthropic.MessageParam[] = [];
    script((behind, request) =>
      behind === 0
        ? { text: `Looking.`, calls: [echo(`secret ${messagesIn(request).length}`)] }
        : { text: `Answer ${messagesIn(request).length}.` },
    );
    for (let turn = 0; turn < 5; turn++) {
      conversation.push({ role: 'user', content: `Question ${turn} ${stream}?` });
      const answer = await ask(stream, { messages: [...conversation] });
      conversation.push({ role: 'assistant', content: textOf(answer).trim() });
    }
    const results = messagesIn(claude.requests.at(-1))
      .flatMap(({ content }) => (Array.isArray(content) ? content : []))
      .filter(({ type }) => type === 'tool_result');
    expect(results.map(({ content }) => content)).toEqual([1, 5, 9, 13, 17].map((n) => `secret ${n}`));
    expectPrefixes(claude.requests);
  });

  it('leaves the client’s own tools and calls alone', async () => {
    const blocks = [
      { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
      { type: 'text', text: 'One moment.' },
      { type: 'tool_use', ...ownCall('t_w1') },
    ];
    const before = fixture.calls.length;
    script(() => ({ blocks }));
    const search = { type: 'web_search_20250305', name: 'web_search' } as const;
    const answer = await ask(stream, { tools: [weather, search] });
    expect(answer).toMatchObject({ content: blocks, stop_reason: 'tool_use' });
    expect((claude.requests[0]?.body['tools'] as object[]).slice(0, 2)).toEqual([weather, search]);
    expect(namesIn(claude.requests[0]).slice(2).filter(isOurs)).toHaveLength(3);
    expect(fixture.calls).toHaveLength(before);
  });

  it.each<[string, Partial<Params>]>([
    ['none', { tools: [weather], tool_choice: { type: 'none' } }],
    ['any', { tools: [weather], tool_choice: { type: 'any' } }],
    ['one tool', { tools: [weather], tool_choice: { type: 'tool', name: 'weather' } }],
  ])('gets nothing of ours with tool_choice %s', async (_what, params) => {
    script(() => ({ text: 'Hello.' }));
    await ask(stream, params);
    expect(namesIn(claude.requests[0])).toEqual(['weather']);
  });

  // LiteLLM speaks chat with OpenAI's models up to 1.77, and responses later.
  it.each(['demo', 'vllm'])('works through LiteLLM’s own adapters, with the model %s', async (model) => {
    const call = { name: 'notes__echo', arguments: { text: 'quince' } };
    const responses = new ResponsesProvider().answer(({ results }) =>
      results.length === 0 ? { calls: [call] } : { text: `It says ${results[0]}.` },
    );
    const provider = model === 'demo' ? stack.model : claude;
    provider.answerWith((request, index) => {
      if (request.path.endsWith('/responses')) return responses(request, index);
      const last = (request.body['messages'] as { role: string; content: string }[]).at(-1);
      return last?.role === 'tool' ? { text: `It says ${last.content}.` } : { toolCalls: [call] };
    });
    const answer = await ask(stream, { model });
    expect(textOf(answer)).toBe('It says quince.');
    expect(answer.stop_reason).toBe('end_turn');
    expect(provider.requests).toHaveLength(2);
  });

  it('is logged by LiteLLM as its rounds, each once with its own tokens', async () => {
    script((behind) =>
      behind === 0
        ? { calls: [echo('a')], usage: { input_tokens: 1100, output_tokens: 11 } }
        : { text: 'Done.', usage: { input_tokens: 2200, output_tokens: 22 } },
    );
    // Rounds of the test before may be logged late, so this one has a key of its own.
    const alias = stream ? 'streamer' : 'waiter';
    await ask(stream, {}, alias);
    const logged = () => stack.logged().filter(({ key_alias }) => key_alias === alias);
    await waitUntil(async () => logged().length >= 2, { timeoutMs: 20_000, what: 'LiteLLM’s log' });
    expect(
      logged()
        .map((line) => [line.prompt_tokens, line.completion_tokens])
        .sort(),
    ).toEqual([
      [1100, 11],
      [2200, 22],
    ]);
  });
});

describe('a stream on /v1/messages', () => {
  /** Reads a stream of the SDK and calls back after each event. */
  async function watch(see: (events: any[]) => void, params: Partial<Params> = {}): Promise<any[]> {
    const events: any[] = [];
    const response = await fetch(`${stack.url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-api-key': 'sk-test-alice',
        'anthropic-version': '2023-06-01',
      },
      body: JSON.stringify({ ...question, ...params, stream: true }),
    });
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (data === undefined) throw new Error(`Not an event of this dialect: ${JSON.stringify(part)}`);
        events.push(JSON.parse(data));
        expect(events.at(-1).type).toBe(type);
        see(events);
      }
    }
    expect(rest).toBe('');
    return events;
  }

  it('shows text and thinking before the tool returns, and pings while it works', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    script((behind, request) =>
      behind === 0
        ? {
            blocks: [
              { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
              { type: 'text', text: 'Let me see.' },
              { type: 'tool_use', id: 'toolu_wait', name: 'notes__wait', input: { a: 1 } },
            ],
          }
        : { text: `It is ${resultsIn(request)[0]}.` },
    );
    const events = await watch((seen) => {
      const pings = seen.slice(2).filter(({ type }) => type === 'ping');
      if (pings.length === 2 && JSON.stringify(seen).includes('see.')) returned.open('quince');
    });
    expect(streamProblems(events)).toEqual([]);
    expect(JSON.stringify(events)).not.toMatch(/tool_use|notes__wait/);
  });

  it('starts each call as soon as its own arguments are complete, while the model still writes the next', async () => {
    const done = [gate(), gate(), gate()];
    const running = { count: 0 };
    wait = async () => {
      done[running.count]?.open();
      return `result ${running.count++}`;
    };
    claude.answerWith(((request) => {
      if (roundsBehind(request) > 0) return say(request, { text: resultsIn(request).join(', ') });
      return {
        stream: async (out) => {
          sendEvent(out, {
            type: 'message_start',
            message: { ...messageHead(request), content: [], usage: { input_tokens: 1, output_tokens: 1 } },
          });
          for (let n = 0; n < done.length; n++) {
            const block = { type: 'tool_use', id: `toolu_early_${n}`, name: 'notes__wait', input: { n } };
            for (const event of blockEvents(block, n)) sendEvent(out, event);
            // The model writes the next call only when this one has run: a call that waited would never be run.
            await done[n]?.opened;
          }
          sendEvent(out, {
            type: 'message_delta',
            delta: { stop_reason: 'tool_use' },
            usage: { output_tokens: 5 },
          });
          sendEvent(out, { type: 'message_stop' });
        },
      };
    }) satisfies Answer);
    const events = await watch(() => undefined);
    expect(streamProblems(events)).toEqual([]);
    expect(events.map((event) => event.delta?.text ?? '').join('')).toBe('result 0, result 1, result 2');
  });

  it('of the client’s own calls is byte for byte what bare LiteLLM sends', async () => {
    claude.answerWith((request) =>
      say(request, { text: 'One moment.', calls: [ownCall('t_w1'), ownCall('t_w2')] }),
    );
    const through = await watch(() => undefined, { tools: [weather] });
    // The same request with nothing of ours in it: a forced call keeps Toolturn out.
    const bare = await watch(() => undefined, { tools: [weather], tool_choice: { type: 'any' } });
    const comparable = (events: any[]) => JSON.stringify(events).replaceAll(/msg_[0-9a-f]+/g, 'msg');
    expect(comparable(through)).toBe(comparable(bare));
  });

  it('that breaks off in round two ends with one error event', async () => {
    claude.answerWith((request) =>
      roundsBehind(request) === 0
        ? say(request, { text: 'Let me see.', calls: [echo('a')] })
        : {
            stream: (out) => {
              sendEvent(out, { type: 'message_start', message: { ...messageHead(request), content: [] } });
              sendEvent(out, blockEvents({ type: 'text', text: 'Half' }, 0)[0] ?? {});
              out.destroy();
            },
          },
    );
    const events = await watch(() => undefined, another('the weekday'));
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { type: 'api_error', message: expect.any(String) },
    });
    expect(events.map(({ type }) => type)).not.toContain('message_stop');
  });

  it('is answered in full to a client of Claude Code’s shape', async () => {
    script((behind, request) =>
      behind === 0 ? { calls: [echo('quince')] } : { text: resultsIn(request).join() },
    );
    const message = (more: object): any[] => [
      {
        role: 'user',
        content: [
          { type: 'text', text: `<system-reminder>\nIt is ${Math.random()}.\n</system-reminder>` },
          { type: 'text', text: 'Which word?', ...more },
        ],
      },
    ];
    const system = [{ type: 'text', text: 'You are Claude Code.', cache_control: { type: 'ephemeral' } }];
    const shape = { system, metadata: { user_id: '{"session":"s"}' }, tools: [weather] } as Partial<Params>;
    const first = await ask(true, { ...shape, messages: message({ cache_control: { type: 'ephemeral' } }) });
    expect(textOf(first)).toBe('quince');
    claude.reset();
    await ask(true, {
      ...shape,
      messages: [...message({}), asked(first), { role: 'user', content: [{ type: 'text', text: 'Again?' }] }],
    });
    expect(messagesIn(claude.requests[0]).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ]);
    expect(claude.requests[0]?.body['system']).toEqual(system);
  });
});

it('a count of tokens is no turn', async () => {
  const before = claude.requests.length;
  claude.answerWith(() => ({ json: { input_tokens: 7 } }));
  const count = await client().messages.countTokens({ model: 'claude', messages: question.messages });
  expect(count.input_tokens).toBeGreaterThan(0);
  expect(claude.requests.slice(before).every(({ path }) => !path.endsWith('/v1/messages'))).toBe(true);
});

/** The error that a request ends with. */
const failure = (attempt: Promise<unknown>): Promise<any> =>
  attempt.then(
    (answer) => {
      throw new Error(`No error but ${JSON.stringify(answer)}`);
    },
    (error: unknown) => error,
  );

/** Each request begins with the messages of the one before, byte for byte: the provider's prompt cache keeps hitting. */
function expectPrefixes(requests: readonly ModelRequest[]): void {
  for (const [n, request] of requests.entries()) {
    const before = messagesIn(requests[n - 1]);
    expect(JSON.stringify(messagesIn(request).slice(0, before.length))).toBe(JSON.stringify(before));
  }
}
