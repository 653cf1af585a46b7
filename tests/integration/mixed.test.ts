import { waitUntil } from '../../scripts/src/processes';
import { chatProblems } from '../support/dialects/chat-driver';
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

describe('a turn with calls of the client and ours', () => {
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
    expect(chatProblems(messagesOf(stack.model.requests.at(-1)))).toEqual([]);
  });
});
