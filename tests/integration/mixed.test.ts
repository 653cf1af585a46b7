import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

type Message = Record<string, any>;

const weather = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: {} } },
};

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [{ name: 'echo', handler: (args) => `ours ${String(args['n'])}` }],
  });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
});

const ours = (n: number) => ({ id: `ours_${n}`, name: 'notes__echo', arguments: { n } });
const theirs = (n: number) => ({ id: `theirs_${n}`, name: 'weather', arguments: { n } });
const result = (n: number): Message => ({
  role: 'tool',
  tool_call_id: `theirs_${n}`,
  content: `theirs ${n}`,
});

async function ask(messages: Message[]): Promise<{ message: Message; reason: string | undefined }> {
  const answer = await stack
    .client()
    .chat.completions.create({ model: 'demo', tools: [weather], messages: messages as never });
  return { message: answer.choices[0]?.message as Message, reason: answer.choices[0]?.finish_reason };
}

/** Every call answered once, in order, directly behind its message. */
function expectWellFormed(messages: Message[]): void {
  messages.forEach((message, at) => {
    const ids = ((message['tool_calls'] ?? []) as Message[]).map((call) => call['id']);
    expect(messages.slice(at + 1, at + 1 + ids.length).map((each) => each['tool_call_id'])).toEqual(ids);
  });
  const calls = messages.flatMap((message) => message['tool_calls'] ?? []).length;
  expect(messages.filter((message) => message['role'] === 'tool')).toHaveLength(calls);
}

describe('a turn with calls of the client and ours', () => {
  it('goes on when the turn after that is mixed again, and once more', async () => {
    stack.model.answerWith((request) => {
      const behind = roundsBehind(request);
      return behind < 3
        ? { toolCalls: [ours(behind), theirs(behind)] }
        : { text: lastResults(request).join(' | ') };
    });
    const messages: Message[] = [{ role: 'user', content: 'Three mixed rounds.' }];
    for (let n = 0; n < 3; n++) {
      const { message, reason } = await ask(messages);
      expect(reason).toBe('tool_calls');
      expect(message['tool_calls'].map((call: Message) => call['id'])).toEqual([`theirs_${n}`]);
      messages.push(message, result(n));
    }
    const { message } = await ask(messages);
    expect(message['content']).toBe('ours 2 | theirs 2');
    const upstream = messagesOf(stack.model.requests.at(-1));
    expect(upstream.map((each) => each['role'])).toEqual([
      'user',
      ...Array(3).fill(['assistant', 'tool', 'tool']).flat(),
    ]);
    expectWellFormed(upstream);
    // The prompt of each round begins with that of the round before, byte for byte.
    const bodies = stack.model.requests.map((request) => messagesOf(request));
    bodies
      .slice(1)
      .forEach((body, i) => expect(JSON.stringify(body)).toContain(JSON.stringify(bodies[i]).slice(0, -1)));
  });

  it('goes on after a restart of hook-service, when the client answers late', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [ours(7), theirs(7)] }
        : { text: lastResults(request).join(' | ') },
    );
    const question = { role: 'user', content: 'Mixed, then a restart.' };
    const { message } = await ask([question]);
    await stack.hook.stop();
    stack.hook = await stack.startHook();
    const ready = async (): Promise<boolean> =>
      ((await (await fetch(`${stack.hook.url}/health/ready`)).json()) as { status: string }).status ===
      'ready';
    await waitUntil(ready, { timeoutMs: 15_000, what: 'hook-service' });
    const answer = await ask([question, message, result(7)]);
    expect(answer.message['content']).toBe('ours 7 | theirs 7');
  });

  it('goes on when the client never answers its call and says something else', async () => {
    stack.model.answerWith((request) => {
      const last = messagesOf(request).at(-1);
      return last?.['content'] === 'Never mind.'
        ? { text: 'All right.' }
        : { toolCalls: [ours(8), theirs(8)] };
    });
    const question = { role: 'user', content: 'Mixed, then nothing.' };
    const { message } = await ask([question]);
    const { message: answer } = await ask([question, message, { role: 'user', content: 'Never mind.' }]);
    expect(answer['content']).toBe('All right.');
    expectWellFormed(messagesOf(stack.model.requests.at(-1)));
  });
});
