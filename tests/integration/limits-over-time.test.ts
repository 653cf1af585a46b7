/** What a turn may cost, and what conversations and keys may use over several turns. */
import { Redis } from 'ioredis';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import { priced, type Driver, type Exchange, type Script } from '../support/dialects/driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

/** A token costs a dollar, so that a round costs what it counts. */
const perToken = { input_cost_per_token: 1, output_cost_per_token: 1 };

let fixture: HttpFixture;
let model: ScriptedModel;
let stack: Stack;
let redis: Redis;
let ran: number;
let wait: () => Promise<unknown>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'read',
        handler: async () => {
          ran += 1;
          await wait();
          return 'quince '.repeat(20);
        },
      },
    ],
  });
  model = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  stack = await startStack({
    servers: {
      notes: {
        url: fixture.url,
        transport: 'http',
        mcp_info: { mcp_server_cost_info: { default_cost_per_query: 25 } },
      },
    },
    models: [chatDriver, messagesDriver].map((driver) => priced(driver.entry(model.url), perToken)),
    toolturn: {
      limits: {
        cost: 1000,
        turn_result_bytes: 2000,
        conversation: { calls: 3 },
        key: { cost: 2000, window: '1d' },
        tools: { notes__read: { calls: 20 } },
      },
    },
  });
  redis = new Redis(stack.redis.url);
}, 180_000);

afterAll(async () => {
  redis?.disconnect();
  await stack?.stop();
  await model?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  ran = 0;
  wait = async () => undefined;
});

/** What is counted in Redis under names that fit. */
async function counted(pattern: string, field: string, but: readonly string[] = []): Promise<number> {
  const keys = (await redis.keys(pattern)).filter((key) => !but.includes(key));
  const values = await Promise.all(keys.map((key) => redis.hget(key, field)));
  return values.reduce((sum, value) => sum + Number(value ?? 0), 0);
}

/** A model that calls as long as it has tools, at this price a round, and then says what it was told. */
const calling =
  (tokens: number, calls = 1): Script =>
  ({ rounds, results, tools }) => ({
    ...(tools.length === 0
      ? { text: `I was told: ${results.join(' / ')}` }
      : {
          calls: Array.from({ length: calls }, (_, n) => ({
            id: `c${rounds}${n}${Math.random().toString(36).slice(2)}`,
            name: 'notes__read',
            args: { n: `${rounds}.${n}` },
          })),
        }),
    usage: { input: tokens - 1, output: 1 },
  });

async function ask(driver: Driver, key: string, stream: boolean, script: Script) {
  model.answerWith(driver.provider(script));
  const exchanges: Exchange[] = [];
  const settings = { url: stack.url, key: `sk-test-${key}`, stream, own: false, exchanges };
  const answer = await driver.converse(settings).ask('Read.');
  return { ...answer, limit: exchanges[0]?.headers.get('x-toolturn-limit') };
}

describe.each([chatDriver, messagesDriver])('in the dialect $dialect', (driver) => {
  it.each([false, true])(
    'B4: a turn ends its tools when it has cost what it may (stream: %s)',
    async (stream) => {
      const key = `dear-${driver.dialect}-${stream}`;
      const before = await redis.keys('tt:*:used:turn:*');
      // LiteLLM tells of a round after it; a tool takes longer than that.
      wait = () =>
        waitUntil(async () => (await counted('tt:*:used:turn:*', 'costUsd', before)) >= ran * 490, {
          timeoutMs: 20_000,
          what: 'the cost of the round',
        });
      const { text, limit, reason } = await ask(driver, key, stream, calling(490));
      // Two rounds of 490 and two calls of 25 are 1030.
      expect(ran).toBe(2);
      expect(text).toContain('The limit of $1000 in one turn is reached: no more tools run in this turn.');
      expect(reason).toBe(driver.ends.finished);
      if (!stream && driver.countsInHeaders) expect(limit).toBe('limit_cost');
    },
  );

  it('B4: a key that has used up its money gets no more tools, whatever the turn', async () => {
    const key = `spent-${driver.dialect}`;
    const before = await counted('tt:*:used:key:*', 'costUsd');
    const plain: Script = () => ({ text: 'Hello.', usage: { input: 1100, output: 1 } });
    for (let n = 0; n < 2; n++) await ask(driver, key, false, plain);
    await waitUntil(async () => (await counted('tt:*:used:key:*', 'costUsd')) - before >= 2202, {
      timeoutMs: 20_000,
      what: 'the cost of both answers',
    });
    const { text } = await ask(driver, key, true, calling(2));
    expect(ran).toBe(0);
    expect(text).toContain(
      'The tool notes__read was not run: the limit of $2000 for this key in a day is reached. Answer with what is known, and say so.',
    );
    await ask(driver, `another-${driver.dialect}`, true, calling(2));
    expect(ran).toBeGreaterThan(0);
  });
});

it('B4: a conversation that has made its calls makes no more, on any replica', async () => {
  model.answerWith(chatDriver.provider(calling(2, 2)));
  const send = (conversation: string) =>
    stack
      .client('talker')
      .chat.completions.create(
        { model: 'chat', messages: [{ role: 'user', content: 'Read.' }] },
        { headers: { 'x-conversation-id': conversation, 'idempotency-key': `${conversation}-${ran}` } },
      )
      .withResponse();
  const first = await send('one');
  // Of the two calls of the second round one is beyond the limit.
  expect(ran).toBe(3);
  expect(first.data.choices[0]?.message.content).toContain(
    'the limit of 3 tool calls in this conversation is reached',
  );
  expect(first.response.headers.get('x-toolturn-limit')).toBe('limit_conversation');
  await stack.hook.stop();
  stack.hook = await stack.startHook();
  expect((await send('one')).response.headers.get('x-toolturn-limit')).toBe('limit_conversation');
  expect(ran).toBe(3);
  await send('two');
  expect(ran).toBe(6);
});

it('every count in Redis has an end', async () => {
  const keys = await redis.keys('tt:*:used:*');
  const left = await Promise.all(keys.map((key) => redis.ttl(key)));
  expect(keys.length).toBeGreaterThan(5);
  for (const seconds of left) expect(seconds).toBeGreaterThan(0);
});

it('calls outside of turns count for the key and are refused when it has nothing left', async () => {
  const call = async () => {
    const reply = await fetch(`${stack.hook.url}/v1/tools/notes__read`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-direct', 'content-type': 'application/json' },
      body: JSON.stringify({ arguments: {} }),
    });
    return reply.text();
  };
  // 80 calls of 25 dollars.
  for (let n = 0; n < 80; n++) expect(await call()).toContain('quince');
  await waitUntil(
    async () => (await call()).includes('the limit of $2000 for this key in a day is reached'),
    {
      timeoutMs: 20_000,
      what: 'the limit of the key',
    },
  );
});
