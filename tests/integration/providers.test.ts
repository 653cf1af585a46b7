import { LLMock, type FixtureResponse } from '@copilotkit/aimock';
import { startScriptedModel, type Reply, type ScriptedModel } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { all, postSse, type SseEvent } from '../support/sse';
import { startStack, type Stack } from '../support/stack';

const word = 'quince-71';
const question = 'What is the word?';

type Json = any;

/** One call and its result, as they stand in a request to a provider. */
interface Pair {
  readonly name: string;
  readonly arguments: Json;
  readonly result: string;
}

interface Provider {
  readonly name: string;
  readonly model: string;
  /** Where the provider's path begins, behind the address of the stand-in. */
  readonly basePath: string;
  /** The calls of a raw request with their results. Throws where the pairs are not as the provider wants them. */
  pairs(body: Json): Pair[];
}

/** Each call must be answered exactly once, in the message right behind it. */
const providers: Record<'openai' | 'anthropic' | 'gemini', Provider> = {
  openai: {
    name: 'openai',
    model: 'openai/gpt-4.1',
    basePath: '/v1',
    pairs: (body) =>
      body.messages.flatMap((message: Json, at: number) => {
        const calls: Json[] = message.tool_calls ?? [];
        const answers: Json[] = body.messages.slice(at + 1, at + 1 + calls.length);
        return calls.map((call, i) => {
          expect(answers[i]).toEqual({ role: 'tool', tool_call_id: call.id, content: expect.any(String) });
          return pair(call.function.name, call.function.arguments, answers[i].content);
        });
      }),
  },
  anthropic: {
    name: 'anthropic',
    model: 'anthropic/claude-sonnet-4-5',
    basePath: '',
    pairs: (body) =>
      body.messages.flatMap((message: Json, at: number) => {
        const calls: Json[] = blocks(message, 'tool_use');
        const answers = blocks(body.messages[at + 1], 'tool_result');
        expect(blocks(message, 'tool_result')).toHaveLength(at === 0 ? 0 : expectedAnswers(body, at));
        expect(answers).toHaveLength(calls.length);
        return calls.map((call, i) => {
          expect(message.role).toBe('assistant');
          expect(body.messages[at + 1].role).toBe('user');
          expect(answers[i]).toMatchObject({ tool_use_id: call.id });
          return pair(call.name, call.input, textOfBlocks(answers[i].content));
        });
      }),
  },
  gemini: {
    name: 'gemini',
    model: 'gemini/gemini-2.5-flash',
    basePath: '/v1beta',
    pairs: (body) =>
      body.contents.flatMap((content: Json, at: number) => {
        const calls = parts(content, 'functionCall', 'function_call');
        const answers = parts(body.contents[at + 1], 'functionResponse', 'function_response');
        if (calls.length > 0) expect(content.role).toBe('model');
        expect(calls.length === 0 ? [] : answers).toHaveLength(calls.length);
        return calls.map((call, i) => {
          expect(answers[i].name).toBe(call.name);
          return pair(call.name, call.args, JSON.stringify(answers[i].response));
        });
      }),
  },
};

const pair = (name: string, args: Json, result: string): Pair => ({
  name,
  arguments: typeof args === 'string' ? JSON.parse(args) : args,
  result,
});
const blocks = (message: Json, type: string): Json[] =>
  Array.isArray(message?.content) ? message.content.filter((block: Json) => block.type === type) : [];
const expectedAnswers = (body: Json, at: number): number => blocks(body.messages[at - 1], 'tool_use').length;
const textOfBlocks = (content: Json): string =>
  typeof content === 'string' ? content : content.map((block: Json) => block.text).join('');
const parts = (content: Json, ...names: string[]): Json[] =>
  (content?.parts ?? []).flatMap((part: Json) => names.flatMap((name) => part[name] ?? []));

let fixture: HttpFixture;
/** Speaks the wire formats of all three. */
let mock: LLMock;
/** Stands before it and keeps what arrives as it arrives. */
let tap: ScriptedModel;
let stack: Stack;
/** What the provider says to a request. */
let script: (round: number, pairs: Pair[], body: Json) => FixtureResponse;
let provider: Provider;
/** Answers instead, on the wire, what the mock cannot say. */
let byHand: ((body: Json) => Reply | undefined) | undefined;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'look_up', handler: () => ({ content: [{ type: 'text', text: `The word is ${word}.` }] }) },
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
    ],
  });
  mock = new LLMock({ strict: true });
  mock.on({ predicate: () => true }, () => {
    const body = tap.requests.at(-1)?.body;
    const round = tap.requests.length;
    return script(round, provider.pairs(body), body);
  });
  const address = await mock.start();
  tap = await startScriptedModel({
    answer: (request) => byHand?.(request.body) ?? relay(address, request.path, request.body),
  });
  const base = tap.url.replace(/\/v1$/, '');
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { limits: { rounds: 2 } },
    models: Object.values(providers).map((each) => ({
      model_name: each.name,
      litellm_params: {
        model: each.model,
        api_base: `${base}${each.basePath}`,
        api_key: 'none',
        // LiteLLM 1.77.3 is older than this model and does not know that it thinks.
        ...(each === providers.anthropic ? { allowed_openai_params: ['thinking'] } : {}),
      },
    })),
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await tap?.stop();
  await mock?.stop();
  await fixture?.stop();
});

async function relay(address: string, path: string, body: object): Promise<Reply> {
  const reply = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (reply.headers.get('content-type')?.includes('event-stream') !== true)
    return { json: (await reply.json()) as object, status: reply.status };
  return {
    stream: async (out) => {
      const decoder = new TextDecoder();
      for await (const bytes of reply.body as unknown as AsyncIterable<Uint8Array>)
        out.raw(decoder.decode(bytes, { stream: true }));
    },
  };
}

const chunksOf = (events: readonly SseEvent[]): Json[] =>
  events.filter((event) => event.data !== '[DONE]').map((event) => JSON.parse(event.data));

/** Asks in the chat dialect; the answer's text, its finish reasons and everything that was received. */
async function ask(stream: boolean, extra: object = {}) {
  const body = { model: provider.name, messages: [{ role: 'user', content: question }], ...extra };
  const url = `${stack.url}/v1/chat/completions`;
  if (stream) {
    const { events } = await postSse(url, 'sk-test-alice', { ...body, stream: true });
    const chunks = chunksOf(await all(events));
    return {
      text: chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join(''),
      reasons: chunks.flatMap((chunk) => chunk.choices?.[0]?.finish_reason ?? []),
      raw: JSON.stringify(chunks),
    };
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test-alice', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer: Json = await response.json();
  return {
    text: answer.choices?.[0]?.message.content,
    reasons: [answer.choices?.[0]?.finish_reason],
    raw: JSON.stringify(answer),
  };
}

function use(next: Provider): void {
  provider = next;
  byHand = undefined;
  tap.reset();
}

const lookUp = { name: 'notes__look_up', arguments: '{"what": "word"}' };
const both = [
  ['streaming', true],
  ['not streaming', false],
] as const;

describe.each(Object.values(providers))('a turn with a model of $name', (each) => {
  beforeEach(() => {
    use(each);
  });

  it.each(both)('ends with what the tool said, %s', async (_how, stream) => {
    script = (round, pairs) =>
      round === 1
        ? { content: 'Let me see.', toolCalls: [lookUp] }
        : { content: `It says: ${pairs[0]?.result}` };
    const { text, reasons, raw } = await ask(stream);
    expect(text).toContain(word);
    expect(text).toMatch(/^Let me see\.\n\nIt says: /);
    expect(reasons).toEqual(['stop']);
    expect(raw).not.toContain('tool_calls');
    expect(provider.pairs(tap.requests[1]?.body)).toEqual([
      { name: 'notes__look_up', arguments: { what: 'word' }, result: expect.stringContaining(word) },
    ]);
  });

  it.each(both)('answers calls of one round in pairs, in their order, %s', async (_how, stream) => {
    const call = (text: string) => ({ name: 'notes__echo', arguments: JSON.stringify({ text }) });
    script = (round, pairs) =>
      round === 1
        ? { toolCalls: [call('one'), lookUp, call('two')] }
        : { content: pairs.map((each) => each.result).join(' | ') };
    const { text } = await ask(stream);
    expect(text).toMatch(/one.* \| .*quince-71.* \| .*two/);
  });

  it.each(both)('says something in the end when the rounds are used up, %s', async (_how, stream) => {
    script = (_round, _pairs, body) =>
      mayCallTools(body) ? { content: 'Hm.', toolCalls: [lookUp] } : { content: 'That is all.' };
    const { text, reasons, raw } = await ask(stream);
    expect(text).toBe('Hm.\n\nHm.\n\nThat is all.');
    expect(reasons).toEqual(['stop']);
    expect(raw).not.toContain('tool_calls');
    expect(provider.pairs(tap.requests.at(-1)?.body)).toHaveLength(2);
  });

  it.each(both)('runs a call without arguments, %s', async (_how, stream) => {
    script = (round, pairs) =>
      round === 1
        ? { toolCalls: [{ name: 'notes__look_up', arguments: '{}' }] }
        : { content: `It says: ${pairs[0]?.result}` };
    const { text } = await ask(stream);
    expect(text).toContain(word);
    expect(provider.pairs(tap.requests[1]?.body)[0]?.arguments).toEqual({});
  });
});

/** What a model may call: LiteLLM puts a dummy in the place of tools that are missing, or passes `none` on. */
const mayCallTools = (body: Json): boolean =>
  JSON.stringify(body.tools ?? []).includes('notes__') && body.tool_choice?.type !== 'none';

describe('a model of Anthropic', () => {
  beforeEach(() => {
    use(providers.anthropic);
  });

  const thinking = [
    { type: 'thinking', thinking: 'Die Größe:\n\n  “x” ≤ 3 \u00a0 ok. ', signature: 'c2lnL29uZSs=' },
    { type: 'redacted_thinking', data: 'cmVkYWN0ZWQ=' },
    { type: 'thinking', thinking: 'Second thought, after what is hidden.', signature: 'c2lnL3R3bys=' },
  ];

  it.each(both)('gets its thinking back byte for byte with the results, %s', async (_how, stream) => {
    byHand = () =>
      tap.requests.length === 1 ? claude([...thinking, toolUse('{"what": "word"}')], stream) : undefined;
    script = (_round, pairs) => ({ content: `It says: ${pairs[0]?.result}` });
    const { text } = await ask(stream, { thinking: { type: 'enabled', budget_tokens: 1024 } });
    expect(text).toContain(word);
    expect(tap.requests[1]?.body['messages']).toHaveLength(3);
    expect(JSON.stringify((tap.requests[1]?.body as Json).messages[1].content.slice(0, 3))).toBe(
      JSON.stringify(thinking),
    );
  });

  it('is told about arguments that break off, and goes on', async () => {
    byHand = () => (tap.requests.length === 1 ? claude([toolUse('{"what": "wo')], true) : undefined);
    script = (_round, pairs) => ({ content: `It says: ${pairs[0]?.result}` });
    const { text, raw } = await ask(true);
    expect(text).toMatch(/was not run: the arguments are not valid JSON/);
  });
});

const toolUse = (input: string) => ({ type: 'tool_use', id: 'toolu_1', name: 'notes__look_up', input });

/** A message of Anthropic's, on the wire. Inputs of calls are given as they are written. */
function claude(content: Json[], stream: boolean): Reply {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    stop_sequence: null,
  };
  const usage = { input_tokens: 10, output_tokens: 5 };
  if (!stream) {
    const whole = content.map((block) =>
      block.type === 'tool_use' ? { ...block, input: JSON.parse(block.input) } : block,
    );
    return { json: { ...message, content: whole, stop_reason: 'tool_use', usage } };
  }
  return {
    stream: (out) => {
      const event = (data: Json): void => out.raw(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
      event({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } });
      content.forEach((block, index) => {
        const deltas = deltasOf(block);
        event({ type: 'content_block_start', index, content_block: emptied(block) });
        for (const delta of deltas) event({ type: 'content_block_delta', index, delta });
        event({ type: 'content_block_stop', index });
      });
      event({ type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage });
      event({ type: 'message_stop' });
    },
  };
}

function emptied(block: Json): Json {
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  return block.type === 'tool_use' ? { ...block, input: {} } : block;
}

function deltasOf(block: Json): Json[] {
  const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];
  if (block.type === 'tool_use')
    return halves(block.input).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
  if (block.type !== 'thinking') return [];
  return [
    ...halves(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
    { type: 'signature_delta', signature: block.signature },
  ];
}

describe('a model of Gemini', () => {
  beforeEach(() => {
    use(providers.gemini);
  });

  it.each(both)('gets each call back once, although it came with a signature, %s', async (_how, stream) => {
    byHand = () => (tap.requests.length === 1 ? gemini(stream) : undefined);
    script = (_round, pairs) => ({ content: `It says: ${pairs[0]?.result}` });
    const { text, raw } = await ask(stream);
    console.log(raw, JSON.stringify(tap.requests[1]?.body, null, 1));
    expect(text).toContain(word);
    const [, model] = (tap.requests[1]?.body as Json).contents;
    expect(parts(model, 'functionCall', 'function_call')).toHaveLength(1);
  });
});

function gemini(stream: boolean): Reply {
  const content = {
    role: 'model',
    parts: [
      { text: 'I should look.', thought: true },
      { functionCall: { name: 'notes__look_up', args: { what: 'word' } }, thoughtSignature: 'c2lnL29uZSs=' },
    ],
  };
  const body = {
    candidates: [{ content, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    modelVersion: 'gemini-2.5-flash',
  };
  return stream ? { stream: (out) => out.raw(`data: ${JSON.stringify(body)}\r\n\r\n`) } : { json: body };
}
