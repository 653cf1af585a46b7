/** What a turn needs of hook-service's memory goes with it, and not when its time would have been over. */
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { roundsBehind } from '../support/tools';

/** Enough for some of the answers below, and not for all of them. */
const heapMb = 80;
const turns = 8;
/** In few words, which come in one piece each, and which are not all the same: LiteLLM takes that for a loop. */
const longAnswer = Array.from({ length: 64 }, (_, each) => `${each}`.padStart(64_000, '.')).join(' ');

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({ json: true, tools: [{ name: 'look' }] });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    env: { NODE_OPTIONS: `--max-old-space-size=${heapMb}` },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

test.each([[true], [false]])(
  'turns with long answers, one after the other, never fill the heap (stream: %s)',
  async (stream) => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__look', arguments: {} }] }
        : { text: longAnswer },
    );
    for (let each = 0; each < turns; each += 1) {
      const answer: any = await stack.client('alice').chat.completions.create({
        model: 'demo',
        messages: [{ role: 'user', content: `Hello ${each}?` }],
        stream,
      } as never);
      let length = answer.choices?.[0]?.message.content.length ?? 0;
      if (stream) for await (const chunk of answer) length += chunk.choices[0]?.delta?.content?.length ?? 0;
      expect(length).toBe(longAnswer.length);
      expect(stack.hook.running).toBe(true);
    }
  },
  180_000,
);
