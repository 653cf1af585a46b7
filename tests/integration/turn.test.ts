import { messagesOf, lastResults, roundsBehind, toolNames } from '../support/tools';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

const word = 'quince-71';
const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'What is the word?' }] };
const lookUp = { name: 'notes__look_up', arguments: { what: 'word' } };

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'look_up',
        description: 'Looks a thing up.',
        handler: () => ({ content: [{ type: 'text', text: `The word is ${word}.` }] }),
      },
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { limits: { rounds: 4, calls: 6 } },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
});

/** Asks for one look-up, then repeats what the tool said. */
function oneLookUp(): void {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { text: 'Let me see.', toolCalls: [lookUp], usage: { prompt_tokens: 10, completion_tokens: 3 } }
      : { text: `It says: ${lastResults(request)[0]}`, usage: { prompt_tokens: 20, completion_tokens: 5 } },
  );
}

describe('a turn that is not streamed', () => {
  it("carries the client's trace to the MCP server", async () => {
    oneLookUp();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await stack.client().chat.completions.create(question, { headers: { traceparent, tracestate: 'a=1' } });
    expect(fixture.calls.at(-1)?.meta).toMatchObject({ traceparent, tracestate: 'a=1' });
  });

  it('offers the tools of the server as server__tool without being asked', async () => {
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await stack.client().chat.completions.create(question);
    expect(toolNames(stack.model.requests[0])).toEqual(['notes__broken', 'notes__echo', 'notes__look_up']);
  });

  it('continues under the key of the caller, in every round', async () => {
    oneLookUp();
    const before = stack.keys().length;
    await stack.client('bob').chat.completions.create(question);
    expect(stack.keys().slice(before)).toEqual(['sk-test-bob', 'sk-test-bob']);
  });

  it('sends upstream what the client and the model wrote and one result for each call, and nothing else', async () => {
    oneLookUp();
    await stack.client().chat.completions.create({ ...question, temperature: 0.25, tool_choice: 'auto' });
    const [first, second] = stack.model.requests;
    expect(messagesOf(second)).toEqual([
      ...question.messages,
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          {
            id: expect.any(String),
            type: 'function',
            function: { name: lookUp.name, arguments: JSON.stringify(lookUp.arguments) },
          },
        ],
      },
      { role: 'tool', tool_call_id: expect.any(String), content: `The word is ${word}.` },
    ]);
    expect(second?.body['temperature']).toBe(0.25);
    expect(second?.body['tools']).toEqual(first?.body['tools']);
    expect(first?.body['tool_choice']).toBe('auto');
    expect(second?.body).not.toHaveProperty('tool_choice');
    expect(Object.keys(second?.body ?? {}).filter((name) => name !== 'tools')).toEqual(
      Object.keys(first?.body ?? {}).filter((name) => name !== 'tools' && name !== 'tool_choice'),
    );
  });

  it.each([
    ['arguments that are no JSON', { name: 'notes__echo', arguments: '{"text": ' }, /not valid JSON/],
    [
      'arguments that are no object',
      { name: 'notes__echo', arguments: '[1]' },
      /must be a JSON object, but they are an array/,
    ],
    ['an unknown tool', { name: 'notes__delete_all', arguments: {} }, /Unknown tool notes__delete_all/],
    ['an error of the tool', { name: 'notes__broken', arguments: {} }, /The disk is full/],
  ])('tells the model about %s and goes on', async (_what, call, told) => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0 ? { toolCalls: [call] } : { text: lastResults(request).join() },
    );
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toMatch(told);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
  });

  it('runs a call whose arguments are empty as a call without arguments', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__look_up', arguments: '' }] }
        : { text: lastResults(request).join() },
    );
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toContain(word);
  });

  it('does not run more calls than a turn may make, and tells the model so', async () => {
    const before = fixture.calls.length;
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? {
            toolCalls: Array.from({ length: 9 }, (_, i) => ({
              name: 'notes__echo',
              arguments: { text: `${i}` },
            })),
          }
        : { text: lastResults(request).join('|') },
    );
    const answer = await stack.client().chat.completions.create(question);
    expect(fixture.calls.length - before).toBe(6);
    expect(answer.choices[0]?.message.content).toMatch(
      /^0\|1\|2\|3\|4\|5\|The tool notes__echo was not run.*\|.*\|.*limit/,
    );
    expect(stack.model.requests.at(-1)?.body).not.toHaveProperty('tools');
  });

  it('asks again with tools declared but forbidden where the provider refuses old calls without them', async () => {
    stack.model.answerWith((request) => {
      if (toolNames(request).length === 0)
        return { error: 'tools= is required when tool calls are in messages', status: 400 };
      if (request.body['tool_choice'] === 'none') return { text: 'Done.' };
      return { toolCalls: [{ name: 'notes__echo', arguments: { text: 'again' } }] };
    });
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toBe('Done.');
  });

  it('says that no answer was reached when the model does nothing but ask for tools', async () => {
    stack.model.answerWith(() => ({ toolCalls: [{ name: 'notes__echo', arguments: { text: 'again' } }] }));
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toMatch(/No answer was reached.*limit of 4 rounds/);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });

  it('makes no initialize and no tools/list on the wire to the server, however many turns there are', async () => {
    oneLookUp();
    const before = { ...fixture.counts };
    for (let i = 0; i < 3; i++) await stack.client().chat.completions.create(question);
    expect(fixture.counts['initialize']).toBe(before['initialize']);
    expect(fixture.counts['tools/list']).toBe(before['tools/list']);
    expect((fixture.counts['tools/call'] ?? 0) - (before['tools/call'] ?? 0)).toBe(3);
  });

  it('uses a server again within the same call after it was restarted', async () => {
    oneLookUp();
    await fixture.restart();
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toContain(word);
  });
});

describe('what a request gets', () => {
  const weather = {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  };
  const offeredNames = async (extra: object): Promise<string[]> => {
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await stack.client().chat.completions.create({ ...question, ...extra } as never);
    return toolNames(stack.model.requests[0]);
  };

  it.each([
    ['tool_choice is none', { tools: [weather], tool_choice: 'none' }, ['weather']],
    ['n is above 1', { n: 2 }, []],
    [
      'the client lists the same tools itself',
      { tools: [{ type: 'function', function: { name: 'notes__echo' } }] },
      ['notes__echo'],
    ],
    [
      'tool_choice names a tool of the client',
      { tools: [weather], tool_choice: { type: 'function', function: { name: 'weather' } } },
      ['weather'],
    ],
  ])('is nothing of ours when %s', async (_why, extra, names) => {
    expect(await offeredNames(extra)).toEqual(names);
  });

  it('is our tools behind the client’s own', async () => {
    expect(await offeredNames({ tools: [weather] })).toEqual([
      'weather',
      'notes__broken',
      'notes__echo',
      'notes__look_up',
    ]);
  });

  it('is our tools where the client wrote tools: "auto"', async () => {
    expect(await offeredNames({ tools: 'auto' })).toEqual(['notes__broken', 'notes__echo', 'notes__look_up']);
  });

  it('is refused by LiteLLM for a key it does not know', async () => {
    const response = await fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-nobody', 'content-type': 'application/json' },
      body: JSON.stringify(question),
    });
    expect(response.status).toBe(401);
    expect(stack.model.requests).toHaveLength(0);
  });
});

describe('tools of the client', () => {
  const weather = {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  };

  it('are called by the client: the call comes back untouched and nothing of ours runs', async () => {
    const before = fixture.calls.length;
    stack.model.answerWith(() => ({
      text: 'One moment.',
      toolCalls: [{ id: 'call_w1', name: 'weather', arguments: '{"city": "Bern"}' }],
    }));
    const answer = await stack.client().chat.completions.create({ ...question, tools: [weather] });
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'One moment.',
        tool_calls: [
          { id: 'call_w1', type: 'function', function: { name: 'weather', arguments: '{"city": "Bern"}' } },
        ],
      },
    });
    expect(fixture.calls.length).toBe(before);
  });
});
