import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

let fixture: HttpFixture;
let stack: Stack;
let ran: number;
let wait: () => Promise<string>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'read',
        handler: () => {
          ran += 1;
          return wait();
        },
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: {
      limits: {
        repeats: 2,
        tokens: 5000,
        turns: 2,
        turns_per_key: 1,
        tools: { notes__read: { calls_per_minute: 3 } },
      },
    },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(async () => {
  ran = 0;
  wait = async () => 'quince';
  stack.model.reset();
});

const ask = (key: string) =>
  stack
    .client(key)
    .chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: 'Read.' }] });
const asks = (args: object) => ({ toolCalls: [{ name: 'notes__read', arguments: args }] });

it('a model that makes the same call again and again is told, then must answer without tools', async () => {
  stack.model.answerWith((request) =>
    toolNames(request).length > 0 ? asks({ a: 1 }) : { text: `It is ${lastResults(request).join()}.` },
  );
  const { data, response } = await stack
    .client('loop')
    .chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: 'Read.' }] })
    .withResponse();
  expect(ran).toBe(2);
  expect(data.choices[0]?.message.content).toContain('the same call was made 2 times in this turn');
  expect(data.choices[0]?.finish_reason).toBe('stop');
  expect(response.headers.get('x-toolturn-limit')).toBe('limit_repeats');
});

it('a turn that has used up its tokens must answer', async () => {
  stack.model.answerWith((request) =>
    toolNames(request).length > 0
      ? { ...asks({ a: roundsBehind(request) }), usage: { prompt_tokens: 3000, completion_tokens: 10 } }
      : { text: 'That is all.' },
  );
  const { data, response } = await stack
    .client('tokens')
    .chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: 'Read.' }] })
    .withResponse();
  expect([ran, data.choices[0]?.message.content]).toEqual([2, 'That is all.']);
  expect(response.headers.get('x-toolturn-limit')).toBe('limit_tokens');
});

it('calls a minute are counted in Redis for a key over all its turns and replicas, and the model is told', async () => {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 && toolNames(request).length > 0
      ? asks({ a: 1 })
      : { text: lastResults(request).join() },
  );
  for (let turn = 0; turn < 3; turn++) expect((await ask('rate')).choices[0]?.message.content).toBe('quince');
  // What is counted must not be lost with the process.
  await stack.hook.stop();
  stack.hook = await stack.startHook();
  expect((await ask('rate')).choices[0]?.message.content).toContain(
    'the limit of 3 calls a minute of this tool is reached',
  );
  expect((await ask('another')).choices[0]?.message.content).toBe('quince');
  expect(ran).toBe(4);
});

describe('more turns at once than there may be', () => {
  it('are refused before the model is asked, with Retry-After: 429 for a key, 503 for all', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0 && toolNames(request).length > 0 ? asks({ a: 1 }) : { text: 'done' },
    );
    const end = gate();
    wait = async () => {
      await end.opened;
      return 'quince';
    };
    const working = [ask('first')];
    await waitUntil(async () => ran === 1, { timeoutMs: 20_000, what: 'the first call' });
    const asked = stack.model.requests.length;
    await expect(ask('first')).rejects.toMatchObject({
      status: 429,
      message: expect.stringContaining('This key has 1 turns in work already'),
    });
    const again: any = await ask('first').catch((error: unknown) => error);
    expect(again.headers.get('retry-after')).toBe('5');
    expect(stack.model.requests.length).toBe(asked);
    working.push(ask('second'));
    await waitUntil(async () => ran === 2, { timeoutMs: 20_000, what: 'the second call' });
    const refused: any = await ask('third').catch((error: unknown) => error);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    const messages = await fetch(`${stack.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-third', 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'demo',
        max_tokens: 100,
        messages: [{ role: 'user', content: 'Read.' }],
      }),
    });
    // LiteLLM 1.77.3 drops the header on this path.
    expect(messages.status).toBe(503);
    await messages.text();
    end.open();
    for (const turn of working) expect((await turn).choices[0]?.message.content).toBe('done');
    expect((await ask('third')).choices[0]?.message.content).toBe('done');
  });
});

it('a stream at a limit ends as any other', async () => {
  stack.model.answerWith((request) =>
    toolNames(request).length > 0 ? asks({ a: 2 }) : { text: 'That is all.' },
  );
  const { events } = await postSse(`${stack.url}/v1/chat/completions`, 'sk-test-stream', {
    model: 'demo',
    stream: true,
    messages: [{ role: 'user', content: 'Read.' }],
  });
  const chunks = (await all(events)).map((event) => event.data);
  expect(chunks.at(-1)).toBe('[DONE]');
  expect(chunks.join()).toContain('"finish_reason":"stop"');
});
