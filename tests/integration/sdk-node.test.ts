import OpenAI, { APIError, APIUserAbortError, AuthenticationError, RateLimitError } from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';

// The client as an application has it: nothing in it knows of Toolturn.
const word = 'quince-71';
const question = {
  model: 'demo',
  messages: [{ role: 'user' as const, content: 'What is the word?' }],
};
const lookUp = { name: 'notes__look_up', arguments: { what: 'word' } };

let fixture: HttpFixture;
let stack: Stack;
let client: OpenAI;
/** Runs before the tool answers. */
let before: () => Promise<void>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'look_up',
        handler: async () => {
          await before();
          return { content: [{ type: 'text', text: `The word is ${word}.` }] };
        },
      },
    ],
  });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
  client = stack.client();
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
  before = async () => {};
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { text: 'Let me see.', toolCalls: [lookUp], usage: { prompt_tokens: 10, completion_tokens: 3 } }
      : { text: `It says: ${lastResults(request)[0]}`, usage: { prompt_tokens: 20, completion_tokens: 5 } },
  );
});

async function health(): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.hook.url}/health/ready`);
  return (await response.json()) as Record<string, unknown>;
}

const answer = `Let me see.\n\nIt says: The word is ${word}.`;
const usage = { prompt_tokens: 30, completion_tokens: 8, total_tokens: 38 };

describe('openai-node', () => {
  it('iterates over a stream that is one answer', async () => {
    const stream = await client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(answer);
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(['stop']);
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])).toEqual([]);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(chunks.at(-1)?.usage).toMatchObject(usage);
  });

  it.each([
    ['', false],
    [' in a stream', true],
  ])('runs its own function with runTools while ours runs in Toolturn%s', async (_how, stream) => {
    const ran: string[] = [];
    const weather = {
      type: 'function' as const,
      function: {
        name: 'weather',
        description: 'Weather in a city.',
        parameters: { type: 'object', properties: { city: { type: 'string' } } },
        parse: (text: string) => JSON.parse(text) as { city: string },
        function: ({ city }: { city: string }) => {
          ran.push(city);
          return `sunny in ${city}`;
        },
      },
    };
    const callsBefore = fixture.calls.length;
    stack.model.answerWith((request) => {
      if (roundsBehind(request) > 0) return { text: lastResults(request).join(' / ') };
      return {
        toolCalls: [lookUp, { id: 'call_weather', name: 'weather', arguments: { city: 'Bern' } }],
      };
    });
    const runner = stream
      ? client.chat.completions.runTools({ ...question, stream: true, tools: [weather] })
      : client.chat.completions.runTools({ ...question, tools: [weather] });
    expect(await runner.finalContent()).toBe(`The word is ${word}. / sunny in Bern`);
    expect(ran).toEqual(['Bern']);
    expect(fixture.calls.length - callsBefore).toBe(1);
    // What the application sees of the turn: its own call and its own result.
    expect(runner.messages.map((message) => message.role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
    ]);
    expect(JSON.stringify(runner.messages)).not.toContain('notes__');
    expect(toolNames(stack.model.requests[0])).toEqual(['weather', 'notes__look_up']);
  });

  it('parses structured output', async () => {
    const schema = {
      type: 'object',
      properties: { word: { type: 'string' } },
      required: ['word'],
      additionalProperties: false,
    };
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'answer', strict: true, schema },
    };
    stack.model.answerWith(() => ({ text: JSON.stringify({ word }) }));
    const completion = await client.chat.completions.parse({ ...question, response_format });
    expect(JSON.parse(completion.choices[0]?.message.content ?? '')).toEqual({ word });
    expect(stack.model.requests[0]?.body['response_format']).toEqual(response_format);
  });

  it('keeps the conversation with what it was shown', async () => {
    const first = await client.chat.completions.create(question);
    const shown = first.choices[0]?.message;
    stack.model.answerWith(() => ({ text: 'You are welcome.' }));
    const second = await client.chat.completions.create({
      ...question,
      messages: [...question.messages, shown as never, { role: 'user', content: 'Thank you.' }],
    });
    expect(second.choices[0]?.message.content).toBe('You are welcome.');
    expect(messagesOf(stack.model.requests.at(-1)).at(-1)).toEqual({ role: 'user', content: 'Thank you.' });
  });

  it('may leave in mid-stream: the turn ends, and the next one is as any other', async () => {
    const [called, released] = [gate(), gate()];
    before = () => {
      called.open();
      return released.opened;
    };
    const stream = client.chat.completions.stream(question);
    const ended = stream.done();
    await called.opened;
    stream.abort();
    await expect(ended).rejects.toBeInstanceOf(APIUserAbortError);
    released.open();
    // LiteLLM 1.77.3 does not notice that a client has gone and lets the turn go on; newer versions cancel it.
    await waitUntil(async () => (await health())['turns_in_flight'] === 0, {
      timeoutMs: 20_000,
      what: 'The end of the turn',
    });
    const completion = await client.chat.completions.create(question);
    expect(completion.choices[0]?.message.content).toBe(answer);
    expect(await health()).toMatchObject({ status: 'ready' });
  });

  it('throws its own error classes for what goes wrong', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [lookUp] }
        : { error: 'the model is overloaded', status: 429 },
    );
    await expect(client.chat.completions.create(question)).rejects.toBeInstanceOf(RateLimitError);
    const stranger = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: 'sk-nobody', maxRetries: 0 });
    await expect(stranger.chat.completions.create(question)).rejects.toBeInstanceOf(AuthenticationError);
  });

  it('throws an APIError with the status as its code where the model fails in mid-stream', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { text: 'Let me see.', toolCalls: [lookUp] }
        : { error: 'the model is overloaded', status: 429 },
    );
    const stream = await client.chat.completions.create({ ...question, stream: true });
    const texts: string[] = [];
    const error: unknown = await (async () => {
      for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content ?? '');
    })().catch((caught: unknown) => caught);
    expect(texts.join('')).toBe('Let me see.');
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({
      code: '429',
      type: 'upstream_failed',
      message: expect.stringContaining('the model is overloaded'),
    });
  });
});
