import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind } from '../support/tools';
import { waitUntil } from '../../scripts/src/processes';

const clients = 32;
const perClient = 4;
const usageOf = [
  { prompt_tokens: 100, completion_tokens: 10 },
  { prompt_tokens: 1000, completion_tokens: 50 },
] as const;

let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  fixture = await startHttpFixture({ tools: [{ name: 'echo', handler: (args) => String(args['text']) }] });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ name: 'notes__echo', arguments: { text: 'a' } }], usage: usageOf[0] }
      : { text: lastResults(request).join(), usage: usageOf[1] },
  );
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

const body = { model: 'demo', messages: [{ role: 'user' as const, content: 'Echo.' }] };

/** Runs turns from many clients at once; `ask` runs one. */
async function underLoad(ask: (client: number) => Promise<unknown>): Promise<void> {
  const run = async (client: number): Promise<void> => {
    for (let i = 0; i < perClient; i++) await ask(client);
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
}

describe('what LiteLLM logs of turns', () => {
  it('is each round once with its own tokens and cost under the caller’s key, with 32 clients at once', async () => {
    const turns = clients * perClient;
    await underLoad(async (client) => {
      const answer = await stack.client(`c${client}`).chat.completions.create(body);
      expect(answer.usage).toMatchObject({ prompt_tokens: 1100, completion_tokens: 60 });
    });
    await waitUntil(async () => stack.logged().length >= 2 * turns, {
      timeoutMs: 20_000,
      what: 'LiteLLM’s log',
    });
    expectRounds(stack.logged(), turns);
  }, 120_000);

  it('is each round once with its own tokens for streams too', async () => {
    const turns = clients * perClient;
    const before = stack.logged().length;
    await underLoad(async (client) => {
      const { events } = await postSse(`${stack.url}/v1/chat/completions`, `sk-test-c${client}`, {
        ...body,
        stream: true,
        stream_options: { include_usage: true },
      });
      await all(events);
    });
    await waitUntil(async () => stack.logged().length >= before + 2 * turns, {
      timeoutMs: 20_000,
      what: 'LiteLLM’s log',
    });
    expectRounds(stack.logged().slice(before), turns);
  }, 120_000);
});

function expectRounds(logged: ReturnType<Stack['logged']>, turns: number): void {
  expect(logged).toHaveLength(2 * turns);
  expect(new Set(logged.map((line) => line.status))).toEqual(new Set(['success']));
  for (const [round, usage] of usageOf.entries()) {
    const lines = logged.filter((line) => line.prompt_tokens === usage.prompt_tokens);
    expect([round, lines.length]).toEqual([round, turns]);
    expect(new Set(lines.map((line) => line.completion_tokens))).toEqual(new Set([usage.completion_tokens]));
    const cost = usage.prompt_tokens * 0.001 + usage.completion_tokens * 0.002;
    for (const line of lines) expect(line.response_cost).toBeCloseTo(cost, 6);
  }
  for (let client = 0; client < clients; client++) {
    expect(logged.filter((line) => line.key_alias === `c${client}`)).toHaveLength(2 * perClient);
  }
}
