import { demoAnswer, secretSentence } from './demo-model';
import { gate } from './gate';
import { startScriptedModel, type Answer, type Reply, type ScriptedModel } from './scripted-model';

let model: ScriptedModel;
beforeAll(async () => {
  model = await startScriptedModel({ answer: () => ({ text: 'unset' }) });
});
afterEach(() => model.reset());
afterAll(() => model.stop());

function ask(reply: Reply | Answer, body: object = {}): Promise<Response> {
  model.answerWith(typeof reply === 'function' ? reply : () => reply);
  return fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'X-Test': 'yes' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...body }),
  });
}

/** The parsed body; untyped, because each test asserts its shape. */
async function json(response: Response) {
  return JSON.parse(await response.text());
}

/** The `data:` payloads of a complete stream, `[DONE]` as the string it is. */
async function events(response: Response) {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice(6))));
}

test('a plain text reply becomes one chat completion with usage that is not zero', async () => {
  const answer = await json(await ask({ text: 'Good day to you' }));
  expect(answer).toMatchObject({ object: 'chat.completion', model: 'm' });
  expect(answer.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { role: 'assistant', content: 'Good day to you' },
  });
  expect(answer.usage.prompt_tokens).toBeGreaterThan(0);
  expect(answer.usage.completion_tokens).toBeGreaterThan(0);
  expect(answer.usage.total_tokens).toBe(answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('a request is kept with its path, lower-case headers and body, and the script gets its index', async () => {
  await ask((_, index) => ({ text: `answer ${index}` }));
  const second = await json(await ask((_, index) => ({ text: `answer ${index}` })));
  expect(second.choices[0].message.content).toBe('answer 1');
  expect(model.requests).toHaveLength(2);
  expect(model.requests[0]).toMatchObject({ path: '/v1/chat/completions', body: { model: 'm' } });
  expect(model.requests[0]?.headers['x-test']).toBe('yes');
});

test('a tool call gets a fresh id, and null leaves the id out', async () => {
  const calls = [
    { name: 'a', arguments: { x: 1 } },
    { id: null, name: 'b', arguments: '{"broken' },
    { id: 'mine', name: 'c', arguments: '' },
  ];
  const answer = await json(await ask({ toolCalls: calls }));
  const [a, b, c] = answer.choices[0].message.tool_calls;
  expect(a.id).toMatch(/^call_/);
  expect(a.function).toEqual({ name: 'a', arguments: '{"x":1}' });
  expect(b).not.toHaveProperty('id');
  expect(b.function.arguments).toBe('{"broken');
  expect(c.id).toBe('mine');
  expect(answer.choices[0].finish_reason).toBe('tool_calls');
});

test('a plain reply streams as role, words, call in pieces, finish and [DONE]', async () => {
  const toolCalls = [{ name: 'read', arguments: { path: '/tmp/some/file.txt' } }];
  const all = await events(await ask({ text: 'I will look.', toolCalls }, { stream: true }));
  expect(all[0].choices[0].delta).toMatchObject({ role: 'assistant' });
  expect(all.at(-1)).toBe('[DONE]');
  const chunks = all.slice(0, -1);
  const texts = chunks.map((chunk) => chunk.choices[0].delta.content ?? '').filter((text) => text !== '');
  expect(texts).toEqual(['I ', 'will ', 'look.']);
  const pieces = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
  expect(pieces[0]).toMatchObject({ index: 0, type: 'function', function: { name: 'read', arguments: '' } });
  expect(pieces.length).toBe(4);
  expect(pieces.map((piece) => piece.function.arguments).join('')).toBe('{"path":"/tmp/some/file.txt"}');
  const reasons = chunks.map((chunk) => chunk.choices[0].finish_reason).filter((reason) => reason !== null);
  expect(reasons).toEqual(['tool_calls']);
  expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
});

test('a stream carries a usage-only chunk when the client asks for it', async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  const body = { stream: true, stream_options: { include_usage: true } };
  const all = await events(await ask({ text: 'hi', usage }, body));
  expect(all.at(-2)).toMatchObject({ choices: [], usage: { ...usage, total_tokens: 10 } });
});

test('an error reply is an HTTP error in the form of OpenAI, and a script that throws is a 500 that says so', async () => {
  const limited = await ask({ status: 429, error: 'slow down', headers: { 'retry-after': '1' } });
  expect(limited.status).toBe(429);
  expect(limited.headers.get('retry-after')).toBe('1');
  expect(await limited.json()).toMatchObject({ error: { message: 'slow down' } });
  const broken = await ask(() => {
    throw new Error('no such case');
  });
  expect(broken.status).toBe(500);
  expect(await broken.text()).toContain('no such case');
});

test('a stream script pushes chunk by chunk: nothing arrives before its gate opens', async () => {
  const second = gate();
  const response = await ask({
    stream: async (out) => {
      out.delta({ content: 'one' });
      await second.opened;
      out.delta({ content: 'two' }, { finishReason: 'stop' });
      out.usage({ prompt_tokens: 1, completion_tokens: 2 });
      out.done();
    },
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  expect(first.value).toContain('"one"');
  expect(first.value).not.toContain('"two"');
  second.open();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  expect(rest).toContain('"two"');
  expect(rest).toContain('"total_tokens":3');
  expect(rest.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('a stream script can cut the connection, and learns when the client leaves', async () => {
  const cut = await ask({ stream: (out) => (out.raw('data: {"half'), out.destroy()) }).then(
    (r) => r.text(),
    String,
  );
  expect(cut).not.toContain('[DONE]');

  const left = gate();
  const controller = new AbortController();
  model.answerWith(() => ({
    stream: async (out) => {
      out.delta({ content: 'x' });
      await out.closed;
      left.open();
    },
  }));
  const response = await fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    body: '{"messages":[]}',
    signal: controller.signal,
  });
  expect(response.ok).toBe(true);
  controller.abort();
  await left.opened;
});

test('json and stream replies serve other paths; a plain reply there is refused', async () => {
  model.answerWith(() => ({ json: { object: 'response' } }));
  const post = () => fetch(`${model.url}/responses`, { method: 'POST', body: '{}' });
  expect(await (await post()).json()).toEqual({ object: 'response' });
  model.answerWith(() => ({ text: 'hi' }));
  expect((await post()).status).toBe(500);
});

test('GET /v1/models answers and is not recorded', async () => {
  const list = await json(await fetch(`${model.url}/models`));
  expect(list.data).toHaveLength(1);
  expect(model.requests).toHaveLength(0);
});

test('the demo model calls the file tool with the path of the question, then quotes the word it was given', async () => {
  const tools = [{ type: 'function', function: { name: 'fs__read_text_file' } }];
  const user = { role: 'user', content: 'Which secret word stands in /tmp/a-b/secret.txt?' };
  const first = await json(await ask(demoAnswer, { messages: [user], tools }));
  const message = first.choices[0].message;
  expect(message.content).toBeTruthy();
  expect(message.tool_calls[0].function).toEqual({
    name: 'fs__read_text_file',
    arguments: '{"path":"/tmp/a-b/secret.txt"}',
  });
  const result = {
    role: 'tool',
    tool_call_id: message.tool_calls[0].id,
    content: secretSentence('heron-1234'),
  };
  const second = await json(await ask(demoAnswer, { messages: [user, message, result], tools }));
  expect(second.choices[0].message.content).toContain('heron-1234');
  expect(second.choices[0].finish_reason).toBe('stop');
});

test('the demo model says so when it is offered no file tool', async () => {
  const user = { role: 'user', content: 'Which secret word stands in /tmp/secret.txt?' };
  const answer = await json(await ask(demoAnswer, { messages: [user] }));
  expect(answer.choices[0].message.content).toMatch(/no tool/);
});
