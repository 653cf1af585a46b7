import type OpenAI from 'openai';
import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import {
  ResponsesProvider,
  streamProblems,
  textIn,
  type Asked,
  type Item,
  type Said,
} from '../support/responses-model';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';

const weather = {
  type: 'function',
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: false,
};
const question = { model: 'demo', input: 'What is the word?' };

let fixture: HttpFixture;
let stack: Stack;
let provider: ResponsesProvider;
/** What the tool `wait` does is decided by each test. */
let wait: () => Promise<string>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
      { name: 'wait', handler: async () => ({ content: [{ type: 'text', text: await wait() }] }) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { keep_alive_seconds: 1, limits: { rounds: 4 } },
  });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
  provider = new ResponsesProvider();
  wait = async () => 'nothing to wait for';
});

const echo = (text: string, call_id?: string) => ({
  name: 'notes__echo',
  arguments: { text },
  ...(call_id === undefined ? {} : { call_id }),
});

/** What the client gets: the whole response and, in a stream, every event. */
interface Got {
  readonly response: Item;
  readonly events: readonly Item[];
}

async function eventsOf(body: object): Promise<Item[]> {
  const { events } = await postSse(`${stack.url}/v1/responses`, 'sk-test-alice', { ...body, stream: true });
  const found = await all(events);
  expect(found.at(-1)?.data).toBe('[DONE]');
  return found.slice(0, -1).map((event) => JSON.parse(event.data) as Item);
}

/** Asks as the SDK does, and once more byte by byte where it streams: both must be content. */
async function ask(stream: boolean, extra: object = {}): Promise<Got> {
  const body = { ...question, ...extra };
  if (!stream) {
    const response = await stack.client().responses.create(body as never);
    expect(JSON.stringify((response as unknown as Item).tools)).not.toContain('notes__');
    return { response: response as unknown as Item, events: [] };
  }
  const events: Item[] = [];
  const helper = stack.client().responses.stream(body as never);
  for await (const event of helper) events.push(event);
  expect(streamProblems(events)).toEqual([]);
  expect(JSON.stringify(events.map((event) => event.response?.tools))).not.toContain('notes__');
  const response = (await helper.finalResponse()) as unknown as Item;
  return { response, events };
}

/** No name, id or result of a tool of ours, and no tool in the echoed list. */
function expectNoTrace(got: Got): void {
  const seen = JSON.stringify([
    got.response.output,
    got.events.filter((event) => event.response === undefined),
  ]);
  expect(seen).not.toContain('notes__');
  expect(seen).not.toContain('function_call');
  // From the first call on nothing of the tool list is left either; before, the door passes the provider's echo.
  expect(JSON.stringify(got.response.tools)).not.toContain('notes__');
}

const says = (script: (asked: Asked) => Said | { error: string; status?: number } | Promise<Said>): void =>
  stack.model.answerWith(provider.answer(script));

const calls = (response: Item): Item[] =>
  response.output.filter((item: Item) => item.type === 'function_call');

describe.each([
  ['not streamed', false],
  ['streamed', true],
])('a turn of the Responses API, %s', (_how, stream) => {
  it('goes on for three rounds, with the text and the reasoning of each', async () => {
    says(({ rounds, results }) =>
      rounds < 3
        ? { reasoning: `Think ${rounds}.`, text: `Step ${rounds}.`, calls: [echo(`r${rounds}`)] }
        : { text: `Done: ${results.join()}` },
    );
    const got = await ask(stream, { store: false, include: ['reasoning.encrypted_content'] });
    expect(textIn(got.response.output)).toBe('Step 0.|Step 1.|Step 2.|Done: r2');
    expect(got.response.output.map((item: Item) => item.type)).toEqual([
      'reasoning',
      'message',
      'reasoning',
      'message',
      'reasoning',
      'message',
      'message',
    ]);
    // Encrypted reasoning went upstream again as it came, in front of its round.
    const upstream = stack.model.requests.at(-1)?.body['input'] as Item[];
    expect(
      upstream.filter((item) => item.type === 'reasoning').map((item) => item.encrypted_content),
    ).toEqual(['ENC:Think 0.', 'ENC:Think 1.', 'ENC:Think 2.']);
    expectNoTrace(got);
  });

  it('leaves reasoning away that a provider without a store could not know', async () => {
    says(({ rounds, results }) =>
      rounds === 0 ? { reasoning: 'Hm.', calls: [echo('a')] } : { text: results.join() },
    );
    const got = await ask(stream, { store: false });
    expect(textIn(got.response.output)).toBe('a');
  });

  it('runs the calls of a round side by side and answers them in order', async () => {
    const together = gate();
    let started = 0;
    wait = async () => {
      started += 1;
      if (started === 3) together.open();
      await together.opened;
      return 'x';
    };
    says(({ rounds, results }) =>
      rounds === 0
        ? { calls: [{ name: 'notes__wait' }, echo('a'), { name: 'notes__wait' }, { name: 'notes__wait' }] }
        : { text: results.join('') },
    );
    const got = await ask(stream);
    expect(textIn(got.response.output)).toBe('xaxx');
    expectNoTrace(got);
  });

  it.each([
    ['an error of the tool', { name: 'notes__broken' }, /The disk is full/],
    ['arguments that are no JSON', { name: 'notes__echo', arguments: '{"text": ' }, /not valid JSON/],
    ['an unknown tool', { name: 'notes__delete_all' }, /Unknown tool notes__delete_all/],
  ])('tells the model about %s and goes on', async (_what, call, told) => {
    says(({ rounds, results }) => (rounds === 0 ? { calls: [call] } : { text: results.join() }));
    const got = await ask(stream);
    expect(textIn(got.response.output)).toMatch(told);
  });

  it('says that no answer was reached when the model does nothing but call', async () => {
    says(() => ({ calls: [echo('again')] }));
    const got = await ask(stream);
    expect(textIn(got.response.output)).toMatch(/No answer was reached.*limit of 4 rounds/);
    expectNoTrace(got);
  });

  it('ends as incomplete where the last round did', async () => {
    says(({ rounds }) =>
      rounds === 0 ? { calls: [echo('a')] } : { text: 'The word i', status: 'incomplete' },
    );
    const got = await ask(stream);
    expect(got.response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
  });

  it('hands the client its own call untouched, and nothing of ours runs', async () => {
    const before = fixture.calls.length;
    says(() => ({
      text: 'One moment.',
      calls: [{ name: 'weather', call_id: 'call_w', arguments: '{"city": "Bern"}' }],
    }));
    const { response } = await ask(stream, { tools: [weather] });
    expect(calls(response)).toMatchObject([
      { call_id: 'call_w', name: 'weather', arguments: '{"city": "Bern"}', status: 'completed' },
    ]);
    expect(fixture.calls.length).toBe(before);
  });

  it.each([
    ['with the whole input', false],
    ['with previous_response_id', true],
  ])('is mixed twice and then answered, %s', async (_by, byId) => {
    says(({ rounds, results, context }) => {
      if (rounds === 0) return { reasoning: 'First.', text: 'First this.', calls: [echo('one')] };
      if (rounds === 1) {
        return {
          reasoning: 'Then both.',
          calls: [echo('ours a', 'call_a'), { name: 'weather', call_id: 'call_b' }, echo('ours c', 'call_c')],
        };
      }
      if (rounds === 2) return { calls: [{ name: 'weather', call_id: 'call_d' }, echo('ours e', 'call_e')] };
      const outputs = context.filter((item) => item.type === 'function_call_output');
      return { text: `${outputs.map((item) => item.output).join(' / ')} (${results.length})` };
    });
    const tools = [weather];
    const body = byId ? {} : { store: false, include: ['reasoning.encrypted_content'] };
    let history: Item[] = [{ role: 'user', content: question.input }];
    let got = await ask(stream, { ...body, input: history, tools });
    for (const [call, result] of [
      ['call_b', 'sunny'],
      ['call_d', 'rainy'],
    ]) {
      expect(calls(got.response).map((each) => each.call_id)).toEqual([call]);
      expect(JSON.stringify(got)).not.toContain('ours ');
      const answer = { type: 'function_call_output', call_id: call, output: result };
      history = byId ? [answer] : [...history, ...got.response.output.map(asSent), answer];
      const more = byId ? { previous_response_id: got.response.id } : {};
      got = await ask(stream, { ...body, ...more, input: history, tools });
    }
    expect(textIn(got.response.output)).toBe('one / ours a / sunny / ours c / rainy / ours e (2)');
  });

  it('goes on when the client never answers its call and says something else', async () => {
    says(({ rounds, context }) => {
      const said = context.filter((item) => item.role === 'user').length;
      if (said > 1)
        return { text: `${context.filter((item) => /_output$/.test(item.type ?? '')).length} outputs` };
      return rounds === 0 ? { calls: [echo('a'), { name: 'weather' }] } : { text: 'never' };
    });
    const first = await ask(stream, { tools: [weather] });
    const input = [
      { role: 'user', content: question.input },
      ...first.response.output.map(asSent),
      { role: 'user', content: 'Never mind.' },
    ];
    const second = await ask(stream, { tools: [weather], input });
    expect(textIn(second.response.output)).toBe('2 outputs');
    const byId = await ask(stream, {
      tools: [weather],
      previous_response_id: first.response.id,
      input: 'Never mind.',
    });
    expect(textIn(byId.response.output)).toBe('2 outputs');
  });

  it('gives an error of round two to the client', async () => {
    says(({ rounds }) =>
      rounds === 0
        ? { text: 'Let me see.', calls: [echo('a')] }
        : { error: 'the model is overloaded', status: 429 },
    );
    if (!stream) {
      await expect(ask(false)).rejects.toMatchObject({
        status: 429,
        message: expect.stringContaining('the model is overloaded'),
      });
      return;
    }
    await expect(ask(true)).rejects.toThrow(/the model is overloaded/);
    const events = await eventsOf(question);
    expect(events.slice(-2)).toMatchObject([
      {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'rate_limit_exceeded' } },
      },
      { type: 'error', code: '429' },
    ]);
    expect(JSON.stringify(events.slice(2))).not.toContain('notes__');
  });

  it('has one id from which the provider knows every round', async () => {
    says(({ rounds, results, context }) => {
      const asked = context.filter((item) => item.role === 'user').length;
      if (rounds === 0 && asked === 1) return { text: 'Looking.', calls: [echo('quince')] };
      if (asked === 1) return { text: `It is ${results[0]}.` };
      return { text: context.map((item) => item.type ?? item.role).join(' ') };
    });
    const first = await ask(stream);
    expect(first.response.id).toMatch(/^resp_/);
    const next = { input: 'And now?', previous_response_id: first.response.id };
    const second = await ask(stream, next);
    expect(textIn(second.response.output)).toBe(
      'user message function_call function_call_output message user',
    );
    // The official SDKs refuse a stream whose response changes its id.
    const ids = first.events.flatMap((event) => event.response?.id ?? []);
    expect(new Set(ids).size).toBeLessThanOrEqual(1);
  });

  it('is found by item_reference', async () => {
    says(({ rounds, context }) => {
      const asked = context.filter((item) => item.role === 'user').length;
      if (asked === 1)
        return rounds === 0 ? { text: 'Looking.', calls: [echo('quince')] } : { text: 'There.' };
      return { text: context.map((item) => item.type ?? item.role).join(' ') };
    });
    const first = await ask(stream);
    const references = first.response.output.map((item: Item) => ({ type: 'item_reference', id: item.id }));
    const input = [
      { role: 'user', content: question.input },
      ...references,
      { role: 'user', content: 'And now?' },
    ];
    const second = await ask(stream, { input });
    expect(textIn(second.response.output)).toBe(
      'user message function_call function_call_output message user',
    );
  });

  it('is remembered over five turns by a client that sends back visible text alone', async () => {
    says(({ rounds, context, results }) => {
      const asked = context.filter((item) => item.role === 'user').length;
      return rounds === 0
        ? { text: `Looking up ${asked}.`, calls: [echo(`fact ${asked}`)] }
        : { text: `Answer ${asked}: ${results.join()}` };
    });
    const history: Item[] = [];
    const upstream: string[] = [];
    for (let turn = 1; turn <= 5; turn++) {
      history.push({ role: 'user', content: `Question ${turn}` });
      const { response } = await ask(stream, { input: history, store: false });
      history.push({ role: 'assistant', content: textIn(response.output).replaceAll('|', '\n\n') });
      upstream.push(JSON.stringify(stack.model.requests.at(-1)?.body['input']));
    }
    const last = JSON.parse(upstream[4] ?? '[]') as Item[];
    expect(last.flatMap((item) => item.output ?? [])).toEqual([1, 2, 3, 4, 5].map((turn) => `fact ${turn}`));
    // What went upstream in a turn is the beginning of what goes upstream in the next.
    upstream
      .slice(1)
      .forEach((body, at) => expect(body.startsWith(upstream[at]?.slice(0, -1) ?? '')).toBe(true));
  });
});

/** An item as the openai SDK sends it back: as it was received. */
const asSent = (item: Item): Item => item;

describe('entries of a tool list that are no functions', () => {
  const codex = [
    { type: 'function', name: 'exec_command', parameters: { type: 'object', properties: {} }, strict: false },
    { type: 'namespace', name: 'agents', tools: [{ type: 'function', name: 'spawn', parameters: {} }] },
    { type: 'web_search' },
    { type: 'custom', name: 'apply_patch', description: 'Patches.' },
  ];

  it.each([[false], [true]])(
    'stay, in front of ours, and their calls are the client’s (streamed: %s)',
    async (stream) => {
      says(({ rounds }) =>
        rounds === 0
          ? {
              items: [
                { type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'x' } },
              ],
              calls: [echo('a', 'call_1'), { name: 'spawn', namespace: 'agents', call_id: 'call_2' }],
            }
          : { text: 'never' },
      );
      const { response } = await ask(stream, { tools: codex });
      expect(response.output.map((item: Item) => item.call_id ?? item.type)).toEqual([
        'call_2',
        'web_search_call',
      ]);
      const sent = stack.model.requests[0]?.body['tools'] as Item[];
      expect(sent.slice(0, 4)).toEqual(codex);
      expect(sent.slice(4).map((tool) => [tool.type, tool.name, tool.strict])).toEqual(
        ['notes__broken', 'notes__echo', 'notes__wait'].map((name) => ['function', name, false]),
      );
    },
  );

  it.each([[false], [true]])('may bring calls that are no functions (streamed: %s)', async (stream) => {
    says(({ rounds }) =>
      rounds === 0
        ? {
            calls: [echo('a', 'call_1')],
            items: [
              {
                type: 'custom_tool_call',
                call_id: 'call_2',
                name: 'apply_patch',
                input: '*** Begin',
                status: 'completed',
              },
            ],
          }
        : { text: 'Patched.' },
    );
    const { response } = await ask(stream, { tools: codex });
    expect(response.output.map((item: Item) => item.call_id)).toEqual(['call_2']);
    const second = await ask(stream, {
      tools: codex,
      input: [
        { role: 'user', content: question.input },
        ...response.output.map(asSent),
        { type: 'custom_tool_call_output', call_id: 'call_2', output: 'ok' },
      ],
    });
    expect(textIn(second.response.output)).toBe('Patched.');
    const upstream = stack.model.requests.at(-1)?.body['input'] as Item[];
    expect(upstream.map((item) => item.type)).toEqual([
      undefined,
      'function_call',
      'custom_tool_call',
      'function_call_output',
      'custom_tool_call_output',
    ]);
  });
});

describe('a stream of the Responses API', () => {
  it('keeps the client waiting with response.in_progress while a tool works', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    says(({ rounds }) => (rounds === 0 ? { calls: [{ name: 'notes__wait' }] } : { text: 'Done.' }));
    const { events } = await postSse(`${stack.url}/v1/responses`, 'sk-test-alice', {
      ...question,
      stream: true,
    });
    const received: Item[] = [];
    for await (const event of events) {
      if (event.data === '[DONE]') break;
      received.push(JSON.parse(event.data) as Item);
      if (received.filter((each) => each.type === 'response.in_progress').length === 3) returned.open('x');
    }
    expect(streamProblems(received)).toEqual([]);
  });

  it('is read by the official SDK where text stands before a tool that takes long', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    says(({ rounds }) =>
      rounds === 0 ? { text: 'Let me see.', calls: [{ name: 'notes__wait' }] } : { text: 'Done.' },
    );
    const reading = stack.client().responses.stream(question);
    let alive = 0;
    // The first one belongs to the model.
    reading.on('response.in_progress', () => void ((alive += 1) === 3 && returned.open('x')));
    expect(textIn((await reading.finalResponse()).output)).toBe('Let me see.|Done.');
  });

  it('starts each call as soon as its own arguments are complete', async () => {
    const ran = gate();
    wait = async () => {
      ran.open();
      return 'early';
    };
    let begun = 0;
    says(({ rounds, results }) =>
      rounds === 0
        ? {
            calls: [{ name: 'notes__wait', arguments: { a: 1 } }, echo('late')],
            // The second call is announced only when the first has run.
            pace: (event) =>
              event.type === 'response.output_item.added' && begun++ === 1 ? ran.opened : undefined,
          }
        : { text: results.join() },
    );
    const { response } = await ask(true);
    expect(textIn(response.output)).toBe('early,late');
  });

  it('ends as failed when the model’s stream breaks off in round two', async () => {
    says(({ rounds }) => (rounds === 0 ? { calls: [echo('a')] } : { text: 'It is', cut: true }));
    const events = await eventsOf(question);
    expect(events.slice(-2).map((event) => event.type)).toEqual(['response.failed', 'error']);
    expect(events.filter((event) => event.type === 'response.completed')).toEqual([]);
  });

  it('ends as the provider says when the provider fails in round two', async () => {
    says(({ rounds }) => (rounds === 0 ? { text: 'Well.', calls: [echo('a')] } : { status: 'failed' }));
    const events = await eventsOf(question);
    expect(streamProblems(events)).toEqual([]);
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { error: { message: 'The model is on fire.' } },
    });
  });
});

describe('a {"type": "mcp"} entry that asks for our servers', () => {
  const declared = {
    type: 'mcp',
    server_label: 'litellm',
    server_url: 'litellm_proxy',
    require_approval: 'never',
  };

  it.each([[false], [true]])(
    'is executed here, and by LiteLLM no second time (streamed: %s)',
    async (stream) => {
      const before = fixture.calls.length;
      says(({ rounds, results }) => (rounds === 0 ? { calls: [echo('once')] } : { text: results.join() }));
      const { response } = await ask(stream, { tools: [weather, declared] });
      expect(textIn(response.output)).toBe('once');
      expect(fixture.calls.length - before).toBe(1);
      expect(stack.model.requests).toHaveLength(2);
      const sent = stack.model.requests[0]?.body['tools'] as Item[];
      expect(sent.map((tool) => tool.name)).toEqual([
        'weather',
        'notes__broken',
        'notes__echo',
        'notes__wait',
      ]);
    },
  );
});

describe('the tokens of a Responses turn', () => {
  it.each([[false], [true]])('are logged by LiteLLM once for each round (streamed: %s)', async (stream) => {
    const before = stack.logged().length;
    says(({ rounds }) =>
      rounds === 0
        ? { calls: [echo('a')], usage: { input: 11, output: 3 } }
        : { text: 'Done.', usage: { input: 22, output: 5 } },
    );
    await ask(stream);
    // Rounds of the test before may be logged late; the sum of both rounds must never be.
    const totals = () =>
      stack
        .logged()
        .slice(before)
        .map((each) => each.total_tokens)
        .filter((total) => [14, 27, 41].includes(total))
        .toSorted((left, right) => left - right);
    await waitUntil(async () => totals().length >= 2, { timeoutMs: 10_000, what: 'two logged rounds' });
    expect(totals()).toEqual([14, 27]);
  });
});

describe('when hook-service is lost in round two', () => {
  it.each([[false], [true]])('the client gets an error and no call (streamed: %s)', async (stream) => {
    const working = gate();
    wait = () => {
      working.open();
      return new Promise<string>(() => undefined);
    };
    says(({ rounds }) => (rounds === 0 ? { calls: [{ name: 'notes__wait' }] } : { text: 'never' }));
    // The same question again would be a retry of the turn that was lost.
    const lost = stream
      ? eventsOf({ ...question, input: 'What is the other word?' })
      : ask(false).catch((error: unknown) => error);
    await working.opened;
    await stack.hook.stop(0);
    const got = await lost;
    stack.hook = await stack.startHook();
    if (Array.isArray(got)) {
      expect(got.at(-1)).toMatchObject({ type: 'error' });
      expect(JSON.stringify(got.slice(2))).not.toContain('notes__');
    } else {
      expect(got).toMatchObject({ status: 503 } satisfies Partial<InstanceType<typeof OpenAI.APIError>>);
    }
  });
});
