import type { Observation, TurnEvent, TurnFacts } from '../core/observer';
import { TurnBoard, type TurnBoardOptions } from './turn-board';

const board = (options: Partial<TurnBoardOptions> = {}): TurnBoard =>
  new TurnBoard({ content: false, mask: (text) => text.replaceAll('geheim', '[redacted]'), ...options });
const facts = (turn: string | undefined, more: Partial<TurnFacts> = {}): TurnFacts => ({
  scope: 's',
  dialect: 'chat',
  stream: false,
  model: 'demo',
  ...(turn === undefined ? {} : { turn }),
  ...more,
});
const event = (of: TurnFacts, at: number, what: TurnEvent): Observation => ({ ...what, of, at });
const call = (number: number, round = 1) => ({
  number,
  round,
  id: `call ${number}`,
  name: 'notes__look_up',
  server: 'notes',
  tool: 'look_up',
  arguments: '{"what":"geheim sk-abcdef"}',
});
const end = {
  milliseconds: 30,
  waitedMs: 4,
  cached: false,
  replayed: false,
  cut: false,
  bytesIn: 5,
  bytesOut: 9,
  text: 'geheim!',
};
const finished = {
  type: 'turn_finished',
  end: 'answer',
  milliseconds: 90,
  rounds: 2,
  calls: 1,
  handedBack: 0,
} as const;

describe('the board of turns', () => {
  it('shows a turn from its first moment, with rounds and calls by time, names and numbers', () => {
    const turns = board();
    const of = facts('t1', { keyAlias: 'alice', callId: 'c1' });
    turns.observe(event(of, 1000, { type: 'turn_started' }));
    turns.observe(event(of, 1000, { type: 'round_started', round: 1 }));
    turns.observe(event(of, 1010, { type: 'call_started', call: call(0) }));
    expect(turns.list()).toMatchObject([
      {
        id: 't1',
        key: 'alice',
        callId: 'c1',
        rounds: [{ round: 1, at: 0 }],
        calls: [{ at: 10, tool: 'look_up' }],
      },
    ]);
    turns.observe(
      event(of, 1015, {
        type: 'call_progress',
        call: call(0),
        progress: { progress: 1, total: 2, message: 'page' },
      }),
    );
    expect(turns.list()[0]?.calls[0]?.progress).toBe('1 of 2, page');
    const tokens = { input: 7, output: 3, cached: 0 };
    turns.observe(
      event(of, 1020, {
        type: 'round_finished',
        round: 1,
        milliseconds: 20,
        ours: 1,
        theirs: 0,
        eagerMs: 5,
        tokens,
      }),
    );
    turns.observe(
      event(of, 1040, { type: 'call_finished', call: call(0), end: { ...end, failure: 'tool_error' } }),
    );
    turns.observe(event(of, 1090, finished));
    const [turn] = turns.list();
    expect(turn).toMatchObject({
      ms: 90,
      end: 'answer',
      rounds: [{ ms: 20, ours: 1, tokens }],
      calls: [{ ms: 30, waitedMs: 4, failure: 'tool_error', bytesOut: 9 }],
    });
    expect(JSON.stringify(turn)).not.toMatch(/geheim|what/);
    expect(turn?.calls[0]).not.toHaveProperty('progress');
  });

  it('keeps arguments and results where people opted in, masked and cut', () => {
    const turns = board({ content: true });
    const of = facts('t1');
    turns.observe(event(of, 0, { type: 'turn_started' }));
    turns.observe(event(of, 0, { type: 'call_started', call: call(0) }));
    turns.observe(
      event(of, 1, {
        type: 'call_finished',
        call: call(0),
        end: { ...end, text: `geheim\u202e${'x'.repeat(9_000)}` },
      }),
    );
    const [shown] = turns.list()[0]?.calls ?? [];
    expect(shown?.arguments).toBe('{"what":"[redacted] [redacted]"}');
    expect(shown?.text?.startsWith('[redacted]\\u{202e}xx')).toBe(true);
    expect(shown?.text).toHaveLength('… (9007 characters)'.length + 4_000);
  });

  it('is bounded in turns, calls and texts, and a turn that runs goes last', () => {
    const turns = board({ turns: 3, calls: 2 });
    for (const id of ['running', 'b', 'c', 'd']) {
      turns.observe(event(facts(id, { model: 'm'.repeat(9_000) }), 0, { type: 'turn_started' }));
      for (const number of [0, 1, 2])
        turns.observe(event(facts(id), 0, { type: 'call_started', call: call(number) }));
      if (id !== 'running') turns.observe(event(facts(id), 9, finished));
    }
    expect(turns.list().map(({ id }) => id)).toEqual(['d', 'c', 'running']);
    expect(turns.list()[0]).toMatchObject({
      moreCalls: 1,
      calls: [{ number: 0 }, { number: 1 }],
      model: 'm'.repeat(200),
    });
  });

  it('knows which limits were reached, newest first', () => {
    const turns = board({ limits: 2 });
    for (const id of ['a', 'b']) turns.observe(event(facts(id), 0, { type: 'turn_started' }));
    turns.observe(
      event(facts('a'), 5, { type: 'call_finished', call: call(0), end: { ...end, failure: 'limit' } }),
    );
    turns.observe(event(facts('b'), 6, { ...finished, end: 'limit_rounds' }));
    expect(turns.limitHits()).toMatchObject([
      { limit: 'limits.rounds', turn: 'b' },
      { limit: 'call not run', turn: 'a', tool: 'notes__look_up' },
    ]);
    turns.observe(event(facts('a'), 7, { ...finished, end: 'limit_seconds' }));
    expect(turns.limitHits().map(({ limit }) => limit)).toEqual(['limits.turn_seconds', 'limits.rounds']);
  });

  const request = {
    decision: 'armed',
    ...{ milliseconds: 2, offered: 12, offeredTokens: 400 },
    ...{ ledgerHits: 1, ledgerMisses: 0, restoredBytes: 900 },
  } as const;
  const model = {
    ...{ round: 1, restored: false, failed: false, milliseconds: 9, cacheHit: false, again: false },
    tokens: { input: 7, output: 3, cached: 0 },
  };

  it('knows what rounds, calls and the turn cost, also where LiteLLM told of it before the turn began or after it ended', () => {
    const turns = board({ prices: () => ({ notes: { perCall: 0.25 } }) });
    const of = facts('t1');
    const logged = facts('t1', { dialect: 'litellm' });
    turns.observe(event(of, 0, { type: 'request', request }));
    turns.observe(event(logged, 0, { type: 'model_called', model: { ...model, costUsd: 0.5 } }));
    expect(turns.list()).toEqual([]);
    turns.observe(event(of, 0, { type: 'turn_started' }));
    for (const round of [1, 2]) turns.observe(event(of, 0, { type: 'round_started', round }));
    const done = { milliseconds: 20, ours: 1, theirs: 0, eagerMs: 5 };
    turns.observe(event(of, 20, { type: 'round_finished', round: 1, ...done }));
    turns.observe(event(of, 21, { type: 'call_started', call: call(0) }));
    turns.observe(event(of, 51, { type: 'call_finished', call: call(0), end: { ...end, cut: true } }));
    turns.observe(event(of, 90, finished));
    turns.takeChanged();
    turns.observe(event(logged, 95, { type: 'model_called', model: { ...model, round: 2, costUsd: 2 } }));
    expect(turns.takeChanged()).toMatchObject([
      {
        rounds: [{ costUsd: 0.5, ours: 1 }, { costUsd: 2 }],
        calls: [{ costUsd: 0.25, cut: true }],
        costUsd: 2.5,
        costToolsUsd: 0.25,
        request: { offered: 12, offeredTokens: 400, restored: 1, restoredBytes: 900 },
      },
    ]);
  });

  it('knows of requests that were refused for too many turns, and tells of them at once', () => {
    const turns = board();
    let told = 0;
    turns.onChange(() => (told += 1));
    const refused = { ...request, decision: 'rejected', refused: 'limits.turns_per_key' } as const;
    turns.observe(event(facts(undefined, { keyAlias: 'alice' }), 3, { type: 'request', request: refused }));
    expect(turns.limitHits()).toEqual([
      { at: 3, limit: 'limits.turns_per_key', key: 'alice', model: 'demo' },
    ]);
    expect([told, turns.list()]).toEqual([1, []]);
  });

  it('passes over calls outside of any turn, and gives what has changed once', () => {
    const turns = board();
    turns.observe(event(facts(undefined), 0, { type: 'call_started', call: call(0) }));
    expect(turns.list()).toEqual([]);
    turns.observe(event(facts('a'), 0, { type: 'turn_started' }));
    expect(turns.takeChanged().map(({ id }) => id)).toEqual(['a']);
    expect(turns.takeChanged()).toEqual([]);
  });
});
