import { silent } from '../../../tests/support/silent-log';
import { memoryUsage } from '../state/usage';
import { Allowances, noAmounts, type AllowanceLimits } from './allowance';
import type { CallEnd, Observation, TurnEvent, TurnFacts } from './observer';
import type { UsageStore } from './ports';

const warnings: string[] = [];
const log = { ...silent, warn: (message: string) => void warnings.push(message) };
const day = 86_400;
const nothing: AllowanceLimits = {
  conversation: { most: {}, forgetSeconds: 7 * day },
  key: { most: {}, windowSeconds: day },
};
const prices = () => ({ web: { perCall: 0.25 } });
const of = { scope: 'alice', turn: 't1', conversation: 'c-1' };
const facts: TurnFacts = { ...of, dialect: 'chat', stream: false, model: 'm' };

const round = (input = 0): TurnEvent => ({
  type: 'round_finished',
  ...{ round: 1, milliseconds: 1, ours: 1, theirs: 0, eagerMs: 0 },
  tokens: { input, output: 0, cached: 0 },
});
const end: CallEnd = {
  ...{ milliseconds: 1, waitedMs: 0, cached: false, replayed: false, cut: false },
  ...{ bytesIn: 2, bytesOut: 100, text: '' },
};
const call = (more: Partial<CallEnd> = {}): TurnEvent => ({
  type: 'call_finished',
  call: { number: 0, round: 1, id: 'c', name: 'web__get', server: 'web', tool: 'get', arguments: '{}' },
  end: { ...end, ...more },
});
const logged = (costUsd: number, about: Partial<TurnFacts> = {}, again = false): Observation => ({
  of: { ...facts, ...about },
  at: 0,
  type: 'model_called',
  model: {
    ...{ restored: false, failed: false, milliseconds: 1, cacheHit: false, costUsd, again },
    tokens: { input: 100, output: 0, cached: 0 },
  },
});

function allowances(limits: Partial<AllowanceLimits>, clock = { now: 1_000_000 * day * 1000 }) {
  let trips = 0;
  const kept = memoryUsage(100, () => clock.now);
  const store: UsageStore = {
    add: async (...counters) => {
      trips += 1;
      return kept.add(...counters);
    },
  };
  const all = new Allowances(() => ({ ...nothing, ...limits }), prices, store, log);
  return { all, clock, trips: () => trips };
}

const conversation = (most: AllowanceLimits['conversation']['most']) => ({
  conversation: { most, forgetSeconds: 7 * day },
});
const key = (most: AllowanceLimits['key']['most']) => ({ key: { most, windowSeconds: day } });

describe('what a turn may cost', () => {
  it('is used up by what LiteLLM logs of its rounds and by the prices of its tools', async () => {
    const { all } = allowances({ turnCostUsd: 1 });
    const turn = all.open(of);
    expect(await turn?.begin()).toBeUndefined();
    all.observe(logged(0.6));
    turn?.saw(call());
    expect(await turn?.look()).toBeUndefined();
    all.observe(logged(5, { turn: 'another' }));
    turn?.saw(call());
    expect(await turn?.look()).toEqual({ end: 'limit_cost', what: '$1 in one turn' });
  });

  it('is not used up by calls that cost nothing: kept results, refused ones', async () => {
    const { all } = allowances({ turnCostUsd: 0.2 });
    const turn = all.open(of);
    turn?.saw(call({ cached: true }));
    turn?.saw(call({ failure: 'limit' }));
    expect(await turn?.look()).toBeUndefined();
  });
});

describe('what a conversation may use', () => {
  it('is counted over its turns, and each amount has its words', async () => {
    for (const [most, what] of [
      [{ rounds: 2 }, '2 rounds in this conversation'],
      [{ calls: 2 }, '2 tool calls in this conversation'],
      [{ resultBytes: 200 }, '200 bytes of tool results in this conversation'],
      [{ costUsd: 0.5 }, '$0.5 in this conversation'],
    ] as const) {
      const { all } = allowances(conversation(most));
      for (const id of ['t1', 't2']) {
        const turn = all.open({ ...of, turn: id });
        expect(await turn?.begin()).toBeUndefined();
        turn?.saw(round());
        turn?.saw(call());
        turn?.close();
      }
      expect(await all.open({ ...of, turn: 't3' })?.begin()).toEqual({ end: 'limit_conversation', what });
      expect(await all.open({ ...of, conversation: 'c-2' })?.begin()).toBeUndefined();
      expect(await all.open({ ...of, scope: 'bob' })?.begin()).toBeUndefined();
    }
  });

  it('lets no call through beyond its limit, also where many begin at once', async () => {
    const { all, trips } = allowances(conversation({ calls: 3 }));
    const turn = all.open(of);
    const begun = await Promise.all(Array.from({ length: 5 }, async () => turn?.begin()));
    expect(begun.map((used) => used === undefined)).toEqual([true, true, true, false, false]);
    expect(trips()).toBe(1);
    expect(await turn?.look()).toMatchObject({ end: 'limit_conversation' });
  });

  it('counts tokens of every model call once, and those of the running turn before LiteLLM logs them', async () => {
    const { all } = allowances(conversation({ tokens: 250 }));
    all.observe(logged(0, { turn: 'plain' }));
    const turn = all.open(of);
    expect(await turn?.begin()).toBeUndefined();
    turn?.saw(round(100));
    expect(await turn?.look()).toBeUndefined();
    all.observe(logged(0));
    expect(await turn?.look()).toBeUndefined();
    turn?.saw(round(100));
    expect(await turn?.look()).toMatchObject({ what: '250 tokens in this conversation' });
  });

  it('is forgotten when it has rested', async () => {
    const { all, clock } = allowances(conversation({ calls: 1 }));
    const turn = all.open(of);
    await turn?.begin();
    expect(await turn?.look()).toBeDefined();
    clock.now += 7 * day * 1000 + 1;
    expect(await all.open(of)?.begin()).toBeUndefined();
  });
});

describe('what a key may use', () => {
  it('counts every model call of it once, whatever turn it is of', async () => {
    const { all } = allowances(key({ costUsd: 1 }));
    all.observe(logged(0.6));
    all.observe(logged(0.6, {}, true));
    expect(await all.refusal('alice')).toBeUndefined();
    all.observe(logged(0.6, { turn: 't9', conversation: 'c-9' }));
    expect(await all.refusal('alice')).toEqual({ end: 'limit_key', what: '$1 for this key in a day' });
    expect(await all.refusal('bob')).toBeUndefined();
    expect(await all.open(of)?.begin()).toMatchObject({ end: 'limit_key' });
  });

  it('counts calls outside of turns, and comes free again as the window slides', async () => {
    const { all, clock } = allowances(key({ calls: 2 }));
    const { turn: _turn, conversation: _conversation, ...outside } = facts;
    for (let n = 0; n < 4; n++) all.observe({ ...call(), of: outside, at: 0 });
    expect(await all.refusal('alice')).toMatchObject({ what: '2 tool calls for this key in a day' });
    clock.now += day * 1000;
    expect(await all.refusal('alice')).toBeDefined();
    clock.now += 0.6 * day * 1000;
    expect(await all.refusal('alice')).toBeUndefined();
  });
});

it('costs no round trip where no limit is set', async () => {
  const { all, trips } = allowances({});
  expect(all.open(of)).toBeUndefined();
  expect(await all.refusal('alice')).toBeUndefined();
  all.observe(logged(1));
  expect(trips()).toBe(0);
});

it('costs no turn where the store fails', async () => {
  const broken: UsageStore = {
    add: async () => {
      throw new Error('lost');
    },
  };
  const all = new Allowances(() => ({ ...nothing, ...conversation({ calls: 1 }) }), prices, broken, log);
  const turn = all.open(of);
  expect(await turn?.begin()).toBeUndefined();
  expect(warnings).toEqual(['what a turn used was not counted against its limits']);
  // What this turn has used it knows itself.
  expect(noAmounts.calls).toBe(0);
});
