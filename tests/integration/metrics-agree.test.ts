/** Every dialect, streaming and not, several keys, errors: whoever counts comes to the same numbers. */
import { Redis } from 'ioredis';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import { priced, type Exchange, type Script, type Tokens } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';

const drivers = [chatDriver, responsesDriver, messagesDriver, generateContentDriver];
const keys = ['ann', 'ben'];
const usageOf = (round: number): Tokens => ({ input: 10 * (round + 1), output: round + 1 });
const perToken = { input_cost_per_token: 0.001, output_cost_per_token: 0.002 };

let fixture: HttpFixture;
let model: ScriptedModel;
let stack: Stack;
let redis: Redis;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => String(args['text']) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  model = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  stack = await startStack({
    servers: {
      notes: {
        url: fixture.url,
        transport: 'http',
        mcp_info: { mcp_server_cost_info: { default_cost_per_query: 0.5 } },
      },
    },
    models: drivers.map((driver) => priced(driver.entry(model.url), perToken)),
  });
  redis = new Redis(stack.redis.url);
}, 180_000);

afterAll(async () => {
  redis?.disconnect();
  await stack?.stop();
  await model?.stop();
  await fixture?.stop();
});

/** Two rounds with calls and an answer; a question for an error gets one in the second round. */
const script: Script = ({ rounds, results }) => {
  const call = (name: string) => ({
    id: `c${Math.random().toString(36).slice(2)}`,
    name,
    args: { text: 'a' },
  });
  const said = [
    { text: 'Let me see.', calls: [call('notes__echo'), call('notes__broken')] },
    { calls: [call('notes__echo')] },
  ][rounds];
  return { ...(said ?? { text: `It says ${results.join()}.` }), usage: usageOf(rounds) };
};

const totals = async (): Promise<Record<string, string>> => redis.hgetall('toolturn:totals');
async function page(): Promise<Map<string, number>> {
  const reply = await fetch(`${stack.hook.url}/metrics`, { headers: { authorization: `Bearer ${secret}` } });
  const lines = (await reply.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

it('Redis, /metrics, LiteLLM’s log and the clients’ usage agree', async () => {
  const used: Tokens[] = [];
  let turns = 0;
  for (const driver of drivers) {
    model.answerWith(driver.provider(script));
    for (const stream of [false, true]) {
      for (const key of keys) {
        const exchanges: Exchange[] = [];
        const settings = { url: stack.url, key: `sk-test-${key}`, stream, own: false, exchanges };
        const { usage } = await driver.converse(settings).ask('What is the word?');
        used.push(usage);
        turns += 1;
      }
    }
  }
  // A turn that fails in its second round: its first one is logged all the same.
  model.answerWith(
    chatDriver.provider(async (asked) =>
      asked.rounds === 0 ? script(asked) : { error: 'the model is overloaded', status: 429 },
    ),
  );
  const failing = { url: stack.url, key: 'sk-test-ann', stream: false, own: false, exchanges: [] };
  await expect(chatDriver.converse(failing).ask('Fail.')).rejects.toMatchObject({ status: 429 });
  turns += 1;
  const good = 3 * (turns - 1) + 1;
  const succeeded = () => stack.logged().filter(({ status }) => status === 'success');
  await waitUntil(async () => succeeded().length >= good, { timeoutMs: 60_000, what: 'LiteLLM’s log' });
  await waitUntil(async () => Number((await totals())['llm_calls']) >= stack.logged().length, {
    timeoutMs: 60_000,
    what: 'all model calls in Redis',
  });
  await waitUntil(async () => Number((await totals())['turns']) >= turns, {
    timeoutMs: 60_000,
    what: 'all turns in Redis',
  });

  const logged = stack.logged();
  const [inRedis, exported] = [await totals(), await page()];
  const expectEverywhere = (field: string, wanted: number): void => {
    expect([field, Number(inRedis[field])]).toEqual([field, expect.closeTo(wanted, 6)]);
    expect([field, exported.get(`toolturn_${field}_total`)]).toEqual([field, expect.closeTo(wanted, 6)]);
  };
  expect(succeeded()).toHaveLength(good);
  expectEverywhere('llm_calls', logged.length);
  expectEverywhere('llm_errors', logged.length - good);
  expectEverywhere('tokens_in', sum(logged.map((line) => line.prompt_tokens ?? 0)));
  expectEverywhere('tokens_out', sum(logged.map((line) => line.completion_tokens ?? 0)));
  expectEverywhere('cost_usd', sum(logged.map((line) => line.response_cost ?? 0)));
  // The failed turn's client was told of no tokens; its first round had some.
  expectEverywhere('tokens_in', sum(used.map(({ input }) => input)) + usageOf(0).input);
  expectEverywhere('tokens_out', sum(used.map(({ output }) => output)) + usageOf(0).output);
  expectEverywhere('round_tokens_in', sum(used.map(({ input }) => input)) + usageOf(0).input);
  expectEverywhere('calls', fixture.calls.length);
  expectEverywhere('errors', turns);
  expectEverywhere('cost_tools_usd', fixture.calls.length * 0.5);
  expectEverywhere('turns', turns);
  expectEverywhere('turn_errors', 1);
  // Each turn has its own price.
  const { turns: shown } = (await (
    await fetch(`${stack.hook.url}/turns`, { headers: { 'x-toolturn-secret': secret } })
  ).json()) as { turns: { cost_usd: number; rounds: number; end: string }[] };
  // LiteLLM prices some models by a list of its own; every round has a price all the same.
  for (const turn of shown) expect(turn.cost_usd).toBeGreaterThan(0);
  expect(sum(shown.map((turn) => turn.cost_usd))).toBeCloseTo(Number(inRedis['cost_usd']), 6);
  const byKey = await Promise.all(keys.map((key) => redis.hgetall(`toolturn:key:${key}`)));
  expect(byKey.map((each) => Number(each['turns']))).toEqual([turns / 2 + 0.5, turns / 2 - 0.5]);
}, 240_000);

it('asks for the secret at /metrics', async () => {
  expect((await fetch(`${stack.hook.url}/metrics`)).status).toBe(401);
});

it('counts on when Redis is lost under load, and metrics are there again when it is back', async () => {
  model.answerWith(chatDriver.provider(script));
  const before = Number((await page()).get('toolturn_turns_total'));
  const turn = async (): Promise<void> => {
    const settings = { url: stack.url, key: 'sk-test-ann', stream: true, own: false, exchanges: [] };
    const { text } = await chatDriver.converse(settings).ask('What is the word?');
    expect(text).toContain('It says');
  };
  const load = Promise.all(Array.from({ length: 8 }, turn));
  process.kill(stack.redis.pid, 'SIGSTOP');
  await load;
  await Promise.all(Array.from({ length: 4 }, turn));
  expect((await page()).get('toolturn_turns_total')).toBe(before + 12);
  process.kill(stack.redis.pid, 'SIGCONT');
  await waitUntil(async () => Number((await totals())['turns']) === before + 12, {
    timeoutMs: 60_000,
    what: 'the turns in Redis',
  });
  expect((await page()).get('toolturn_redis_up')).toBe(1);
}, 180_000);
