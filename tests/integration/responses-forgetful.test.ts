import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { ResponsesProvider, textIn, type Item } from '../support/responses-model';
import { startStack, type Stack } from '../support/stack';

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({ tools: [{ name: 'echo', handler: (args) => String(args['text']) }] });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { memory: 'off' },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

describe('a Responses conversation while the ledger is off', () => {
  it.each([
    ['plain', false],
    ['streamed', true],
  ])('goes on by previous_response_id from a turn with hidden rounds (%s)', async (_how, stream) => {
    const provider = new ResponsesProvider();
    stack.model.answerWith(
      provider.answer(({ rounds, context }) => {
        const asked = context.filter((item) => item.role === 'user').length;
        if (asked > 1) return { text: context.map((item) => item.type ?? item.role).join(' ') };
        return rounds === 0
          ? { text: 'Looking.', calls: [{ name: 'notes__echo', arguments: { text: 'quince' } }] }
          : { text: 'Done.' };
      }),
    );
    const ask = async (extra: object): Promise<Item> => {
      const body = { model: 'demo', input: 'What is the word?', ...extra } as never;
      const { responses } = stack.client();
      const answer = stream ? await responses.stream(body).finalResponse() : await responses.create(body);
      return answer;
    };
    const first = await ask({});
    const second = await ask({ input: 'And now?', previous_response_id: first.id });
    expect(textIn(second.output)).toBe('user message function_call function_call_output message user');
  });
});
