import type { HttpFixture } from '../support/mcp/http-fixture';
import { startHttpFixture } from '../support/mcp/http-fixture';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

type Message = Record<string, any>;

let fixture: HttpFixture;
let stack: Stack;
let forgetful: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [{ name: 'echo', handler: (args) => `fact ${String(args['n'])}` }],
  });
  const servers = { notes: { url: fixture.url, transport: 'http' } };
  stack = await startStack({ servers });
  forgetful = await startStack({ servers, toolturn: { memory: 'off' } });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await forgetful?.stop();
  await fixture?.stop();
});

/** In each turn the model looks one thing up with a word before it, then answers. */
function script(on: Stack): void {
  on.model.reset();
  on.model.answerWith((request) => {
    const turn = messagesOf(request).filter((message) => message['role'] === 'user').length;
    return roundsBehind(request) === 0
      ? {
          text: `Looking up ${turn}.`,
          toolCalls: [{ id: `call_${turn}`, name: 'notes__echo', arguments: { n: turn } }],
        }
      : { text: `Answer ${turn}: ${lastResults(request).join()}` };
  });
}

async function ask(on: Stack, messages: Message[], stream: boolean): Promise<string> {
  const body = { model: 'demo', messages };
  if (!stream) {
    const answer = await on.client().chat.completions.create(body as never);
    return answer.choices[0]?.message.content ?? '';
  }
  const { events } = await postSse(`${on.url}/v1/chat/completions`, 'sk-test-alice', {
    ...body,
    stream: true,
  });
  const chunks = (await all(events))
    .filter((event) => event.data !== '[DONE]')
    .map((event) => JSON.parse(event.data));
  return chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('');
}

/** Five turns of a client that sends back what it saw, as `asSent` writes it. */
async function fiveTurns(
  on: Stack,
  stream: boolean,
  asSent: (text: string, turn: number) => Message[],
): Promise<void> {
  script(on);
  const history: Message[] = [{ role: 'system', content: 'You help.' }];
  for (let turn = 1; turn <= 5; turn++) {
    history.push({ role: 'user', content: `Question ${turn}` });
    history.push(...asSent(await ask(on, history, stream), turn));
  }
}

const plain = (content: string): Message[] => [{ role: 'assistant', content }];
const rolesUpstream = (on: Stack): string =>
  messagesOf(on.model.requests.at(-1))
    .map((message) => message['role'][0])
    .join('');

describe('a client that sends back only visible text', () => {
  it.each([
    ['plain', false],
    ['streamed', true],
  ])(
    'lets the model see every hidden round of five turns, byte for byte the same each time (%s)',
    async (_how, stream) => {
      await fiveTurns(stack, stream, plain);
      // system, four past turns of user, assistant, tool, assistant, and the fifth with its own round
      expect(rolesUpstream(stack)).toBe(`s${'uata'.repeat(4)}uat`);
      const { requests } = stack.model;
      for (const [i, request] of requests.entries()) {
        if (i === 0) continue;
        const before = messagesOf(requests[i - 1]);
        expect(JSON.stringify(messagesOf(request).slice(0, before.length))).toBe(JSON.stringify(before));
      }
      // Text of the hidden round stands where the model wrote it, and nowhere else.
      const last = messagesOf(requests.at(-1));
      expect(last[2]).toMatchObject({ content: 'Looking up 1.', tool_calls: [{ id: 'call_1' }] });
      expect(last[4]).toMatchObject({ content: 'Answer 1: fact 1' });
    },
  );

  it.each<[string, (text: string, turn: number) => Message[]]>([
    ['trims outer white space', (text) => plain(`  ${text}\n`)],
    [
      'adds nulls',
      (content) => [
        { role: 'assistant', content, refusal: null, audio: null, function_call: null, tool_calls: null },
      ],
    ],
    ['changes the order of keys', (content) => [{ content, role: 'assistant' }]],
    ['sends content parts', (text) => [{ role: 'assistant', content: [{ type: 'text', text }] }]],
    [
      'splits one message into pieces',
      (text) => [...text].map((content) => ({ role: 'assistant', content })),
    ],
  ])('finds them when the client %s', async (_what, asSent) => {
    await fiveTurns(stack, false, asSent);
    expect(rolesUpstream(stack)).toBe(`s${'uata'.repeat(4)}uat`);
  });

  it('finds them when old turns are cut off and the system prompt is another', async () => {
    script(stack);
    const turns: Message[] = [];
    for (let turn = 1; turn <= 3; turn++) {
      turns.push({ role: 'user', content: `Question ${turn} of a long talk` });
      turns.push(...plain(await ask(stack, turns, false)));
    }
    await ask(
      stack,
      [{ role: 'system', content: 'Be brief.' }, ...turns.slice(2), { role: 'user', content: 'And now?' }],
      false,
    );
    expect(rolesUpstream(stack)).toBe('suatauatauat');
  });

  it('gets its own text for an answer that was edited, and the hidden rounds of the others', async () => {
    script(stack);
    const turns: Message[] = [];
    for (let turn = 1; turn <= 2; turn++) {
      turns.push({ role: 'user', content: `Question ${turn} to be edited` });
      turns.push(...plain(await ask(stack, turns, false)));
    }
    turns[1] = { role: 'assistant', content: 'Something I wrote myself.' };
    await ask(stack, [...turns, { role: 'user', content: 'And now?' }], false);
    expect(rolesUpstream(stack)).toBe('uauatauat');
    expect(messagesOf(stack.model.requests.at(-1))[1]).toEqual(turns[1]);
  });

  it('gets nothing of what another caller’s model did', async () => {
    script(stack);
    const question = { role: 'user', content: 'Question of alice' };
    const answer = await ask(stack, [question], false);
    stack.model.reset();
    await stack.client('bob').chat.completions.create({
      model: 'demo',
      messages: [
        question,
        { role: 'assistant', content: answer },
        { role: 'user', content: 'And?' },
      ] as never,
    });
    expect(messagesOf(stack.model.requests[0])).toHaveLength(3);
  });

  it('gets no hidden round while the ledger is off', async () => {
    await fiveTurns(forgetful, false, plain);
    expect(rolesUpstream(forgetful)).toBe(`s${'ua'.repeat(4)}uat`);
  });
});
