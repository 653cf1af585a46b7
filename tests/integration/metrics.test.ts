import { Redis } from 'ioredis';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind } from '../support/tools';

const usage = [
  { prompt_tokens: 100, completion_tokens: 10 },
  { prompt_tokens: 1000, completion_tokens: 50 },
] as const;
const costOf = (round: 0 | 1): number =>
  usage[round].prompt_tokens * 0.001 + usage[round].completion_tokens * 0.002;
const body = { model: 'demo', messages: [{ role: 'user' as const, content: 'Echo.' }] };

let fixture: HttpFixture;
let stack: Stack;
let redis: Redis;

beforeAll(async () => {
  fixture = await startHttpFixture({ tools: [{ name: 'echo', handler: (args) => String(args['text']) }] });
  stack = await startStack({
    servers: {
      notes: {
        url: fixture.url,
        transport: 'http',
        mcp_info: { mcp_server_cost_info: { tool_name_to_cost_per_query: { echo: 0.25 } } },
      },
    },
  });
  redis = new Redis(stack.redis.url);
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ name: 'notes__echo', arguments: { text: 'a' } }], usage: usage[0] }
      : { text: lastResults(request).join(), usage: usage[1] },
  );
}, 180_000);

afterAll(async () => {
  redis?.disconnect();
  await stack?.stop();
  await fixture?.stop();
});

const ask = (path: string, headers: Record<string, string> = { 'x-toolturn-secret': secret }) =>
  fetch(`${stack.hook.url}${path}`, { headers });

/** The value of one sample of the Prometheus page; 0 where there is none. */
async function sample(line: string): Promise<number> {
  const page = await (await ask('/metrics')).text();
  const found = page.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length) ?? 0);
}

describe('metrics', () => {
  it('say of a turn what it cost: at /turns, in Redis and at /metrics alike', async () => {
    const answer = await stack
      .client('mina')
      .chat.completions.create({ ...body, ...{ prompt_cache_key: 'conversation 1' } });
    expect(answer.usage).toMatchObject({ prompt_tokens: 1100, completion_tokens: 60 });
    const cost = costOf(0) + costOf(1);
    await waitUntil(async () => (await redis.hget('toolturn:totals', 'llm_calls')) === '2', {
      timeoutMs: 40_000,
      what: 'both model calls in Redis',
    });
    const totals = await redis.hgetall('toolturn:totals');
    expect(totals).toMatchObject({
      requests: '1',
      armed: '1',
      turns: '1',
      answers: '1',
      rounds: '2',
      calls: '1',
      errors: '0',
    });
    expect(totals).toMatchObject({
      tokens_in: '1100',
      tokens_out: '60',
      round_tokens_in: '1100',
      hidden_tokens_in: '100',
      cost_tools_usd: '0.25',
    });
    expect(Number(totals['cost_usd'])).toBeCloseTo(cost, 9);
    expect(await sample('toolturn_calls_total')).toBe(1);
    expect(await sample('toolturn_cost_usd_total')).toBeCloseTo(cost, 9);
    expect(
      await sample(
        'gen_ai_client_token_usage_sum{gen_ai_request_model="demo",gen_ai_token_type="input",gen_ai_operation_name="chat"}',
      ),
    ).toBe(1100);
    expect(await redis.hgetall('toolturn:key:mina')).toMatchObject({
      turns: '1',
      calls: '1',
      llm_calls: '2',
      cost_tools_usd: '0.25',
    });
    expect(await redis.hgetall('toolturn:tool:notes-echo')).toMatchObject({ calls: '1', cost_usd: '0.25' });
    const { turns } = (await (await ask('/turns')).json()) as any;
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      key: 'mina',
      model: 'demo',
      rounds: 2,
      calls: 1,
      cost_tools_usd: 0.25,
      end: 'answer',
    });
    expect(turns[0].cost_usd).toBeCloseTo(cost, 9);
    await waitUntil(
      async () => Number(await redis.hget(`toolturn:turn:t-${turns[0].turn}`, 'llm_calls')) === 2,
      {
        timeoutMs: 40_000,
        what: 'the costs of the turn in Redis',
      },
    );
    const turn = await redis.hgetall(`toolturn:turn:t-${turns[0].turn}`);
    expect(turn).toMatchObject({
      key: 'mina',
      model: 'demo',
      end: 'answer',
      rounds: '2',
      calls: '1',
      cost_tools_usd: '0.25',
      conv: turns[0].conversation,
    });
    expect(Number(turn['cost_usd'])).toBeCloseTo(cost, 9);
    const conversation = await redis.hgetall(`toolturn:conv:${turns[0].conversation}`);
    expect(conversation).toMatchObject({ requests: '1', turns: '1', llm_calls: '2', key: 'mina' });
    expect(Number(conversation['cost_usd'])).toBeCloseTo(cost, 9);
  }, 120_000);
});
