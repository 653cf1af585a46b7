import fc from 'fast-check';
import { silent } from '../../../tests/support/silent-log';
import { memoryTurns } from '../state/turns';
import type { HookRequest } from './hooks';
import type { FirstTurn, FoundTurn, TurnStore } from './ports';
import { repeatMark, type RepeatMark } from './repeat-mark';
import { Repeats, type FirstAnswer } from './repeats';
import { RunningHere } from './running-here';

const place = { chain: 'chain', asked: 'asked' };
const request = (over: Partial<HookRequest> = {}): HookRequest => ({
  path: '/v1/chat/completions',
  headers: {},
  caller: { key: 'k' },
  body: { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true },
  ...over,
});
const stateOf = (over: Partial<HookRequest> = {}): string =>
  repeatMark('chat', request(over), place, 'secret', 0).state;
const answer: FirstAnswer = { texts: ['Let me see.', 'Done.'], kept: { hidden: { a: 1 } } };
const mark = (over: Partial<RepeatMark> = {}): RepeatMark => ({
  state: 's',
  at: 0,
  isMarked: false,
  ...over,
});
const never = new AbortController().signal;

function parts(options: { store?: TurnStore; windowSeconds?: number | undefined; now?: () => number } = {}) {
  const store = options.store ?? memoryTurns();
  const here = new RunningHere();
  const windowSeconds = 'windowSeconds' in options ? options.windowSeconds : 60;
  const repeats = new Repeats({
    store,
    here,
    ...(windowSeconds === undefined ? {} : { windowSeconds }),
    turnMs: 60_000,
    log: silent,
    now: options.now ?? (() => 1000),
  });
  return { store, here, repeats };
}

/** A store that knows one turn, of which it says where it runs. */
function storeWith(found: FoundTurn): TurnStore & { readonly put: jest.Mock } {
  return { begin: async () => found, read: async () => found, put: jest.fn(async () => undefined) };
}

describe('the state of a request', () => {
  it.each<[string, Partial<HookRequest>]>([
    ['streams or not', { body: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } }],
    [
      'has other bounds and another system prompt',
      {
        body: {
          model: 'm',
          max_tokens: 5,
          system: 'checksum 2',
          messages: [
            { role: 'system', content: 'x' },
            { role: 'user', content: 'hi' },
          ],
        },
      },
    ],
    ['counts its tries', { headers: { 'x-stainless-retry-count': '2', 'user-agent': 'a' } }],
  ])('is the same where a repetition %s', (_what, over) => {
    expect(stateOf(over)).toBe(stateOf());
  });

  it('is the same for both forms of an answer of Gemini', () => {
    const of = (method: string) => stateOf({ path: `/v1beta/models/gemini:${method}?alt=sse` });
    expect(of('streamGenerateContent')).toBe(of('generateContent'));
  });

  it.each<[string, Partial<HookRequest>]>([
    ['another end user', { caller: { key: 'k', endUser: 'carol' } }],
    ['another model', { body: { ...request().body, model: 'n' } }],
    ['another model in the path', { path: '/v1beta/models/b:generateContent' }],
    [
      'another picture',
      { body: { ...request().body, messages: [{ role: 'user', content: [{ url: 'b' }] }] } },
    ],
    ['another temperature', { body: { ...request().body, temperature: 1 } }],
    ['an Idempotency-Key', { headers: { 'idempotency-key': 'a' } }],
    ['other credentials for a server', { headers: { 'x-mcp-db-authorization': 'Bearer one' } }],
    ['another choice of servers', { headers: { 'x-mcp-servers': 'db' } }],
    ['another person behind one key', { headers: { 'x-openwebui-user-email': 'a@b' } }],
    ['another thread', { headers: { 'x-thread-id': '1' } }],
    ['a session of its own', { headers: { 'x-claude-code-session-id': 'a' } }],
  ])('is another one with %s', (_what, over) => {
    expect(stateOf(over)).not.toBe(stateOf());
  });

  it('is another one at another place of the conversation, and in another dialect', () => {
    expect(repeatMark('chat', request(), { ...place, chain: 'b' }, 'secret', 0).state).not.toBe(stateOf());
    expect(repeatMark('messages', request(), place, 'secret', 0).state).not.toBe(stateOf());
  });

  it('never leads to a turn of another caller, whatever two callers send', async () => {
    const texts = fc.string({ maxLength: 8 });
    const sent = fc.record({
      headers: fc.dictionary(fc.constantFrom('idempotency-key', 'session_id'), texts),
      body: fc.record({ messages: fc.array(texts), user: texts }),
    });
    const scopes = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(sent, scopes, async (what, [one = '', two = '']) => {
        const { repeats } = parts();
        const same = repeatMark('chat', { ...request(), ...what }, place, 'secret', 0);
        await repeats.standing(one, 't1', same);
        expect(await repeats.standing(two, 't2', same)).toMatchObject({ origin: 't2' });
        expect((await repeats.standing(one, 't3', same)).origin).toBe('t1');
      }),
    );
  });
});

describe('a turn', () => {
  it('that nobody began before stands alone; the same hook again too', async () => {
    const { repeats } = parts();
    expect(await repeats.standing('a', 't1', mark())).toMatchObject({ origin: 't1' });
    expect(await repeats.standing('a', 't1', mark())).toMatchObject({ origin: 't1' });
  });

  it('gets the answer of the one that it repeats when that one ends', async () => {
    const { repeats } = parts();
    const first = await repeats.standing('a', 't1', mark());
    const again = await repeats.standing('a', 't2', mark());
    const waiting = again.answer?.(never);
    await first.end?.({ state: 'answered', answer, delivered: true });
    expect(await waiting).toEqual({ answer });
    expect(again.origin).toBe('t1');
  });

  it.each<[string, Partial<RepeatMark>, FirstTurn, boolean]>([
    ['after the answer is new', { at: 2000 }, { turn: 't1', state: 'answered', endedAt: 1000 }, false],
    [
      'after the answer is a retry where the client says so',
      { at: 2000, isMarked: true },
      { turn: 't1', state: 'answered', endedAt: 1000 },
      true,
    ],
    [
      'is a retry where it came while the first one ran',
      { at: 999 },
      { turn: 't1', state: 'answered', endedAt: 1000 },
      true,
    ],
    [
      'is a retry where nobody was there to take the answer',
      { at: 2000 },
      { turn: 't1', state: 'answered', endedAt: 1000, delivered: false },
      true,
    ],
    ['after an error is a retry', { at: 2000 }, { turn: 't1', state: 'ended', endedAt: 1000 }, true],
  ])('%s', async (_what, over, first, isRetry) => {
    const { repeats } = parts({ store: storeWith({ ...first, where: 'elsewhere' }) });
    expect((await repeats.standing('a', 't2', mark(over))).origin).toBe(isRetry ? 't1' : 't2');
  });

  it('takes the place of a new one for those who come after it', async () => {
    const { repeats } = parts({ now: () => 1000 });
    const first = await repeats.standing('a', 't1', mark());
    await first.end?.({ state: 'answered', answer, delivered: true });
    await repeats.standing('a', 't2', mark({ at: 2000 }));
    expect((await repeats.standing('a', 't3', mark({ at: 2001 }))).origin).toBe('t2');
  });

  it.each<[string, FoundTurn]>([
    ['whose replica died', { turn: 't1', state: 'running', where: 'dead' }],
    ['that is said to run here and does not', { turn: 't1', state: 'running', where: 'here' }],
    ['that ended without an answer', { turn: 't1', state: 'ended', where: 'elsewhere' }],
    ['that handed calls back', { turn: 't1', state: 'answered', delivered: false, where: 'elsewhere' }],
    [
      'whose answer cannot be read',
      { turn: 't1', state: 'answered', delivered: false, answer: { texts: 7 }, where: 'elsewhere' },
    ],
  ])('finishes one %s itself, in its name, and is joined then', async (_what, found) => {
    const store = storeWith(found);
    const again = await parts({ store }).repeats.standing('a', 't2', mark());
    expect(again.origin).toBe('t1');
    expect(await again.answer?.(never)).toEqual({});
    expect(store.put.mock.calls).toEqual([['a', 's', { turn: 't1', state: 'running' }, 120]]);
  });

  it('goes on from where the first one stood when that one failed or was lost', async () => {
    const progress = { added: [{ role: 'tool' }], calls: { digest: 2 } };
    const { repeats } = parts();
    const first = await repeats.standing('a', 't1', mark());
    await first.keep?.(progress);
    await first.end?.({ state: 'ended', delivered: false });
    const again = await repeats.standing('a', 't2', mark({ at: 2000 }));
    expect(await again.answer?.(never)).toEqual({ progress });
    // Lost in its turn, it leaves the same behind.
    const dead = storeWith({ turn: 't1', state: 'running', where: 'dead', progress });
    const third = await parts({ store: dead }).repeats.standing('a', 't3', mark());
    expect(await third.answer?.(never)).toEqual({ progress });
  });

  it('that waits in vain does not end the one that it waits for', async () => {
    const store = storeWith({ turn: 't1', state: 'running', where: 'elsewhere' });
    const again = await parts({ store }).repeats.standing('a', 't2', mark());
    await again.end?.({ state: 'ended', delivered: false });
    expect(store.put.mock.calls).toEqual([]);
  });

  it('stops waiting when its own time is over', async () => {
    const { repeats } = parts({ store: storeWith({ turn: 't1', state: 'running', where: 'elsewhere' }) });
    const ends = new AbortController();
    const waiting = (await repeats.standing('a', 't2', mark())).answer?.(ends.signal);
    ends.abort();
    await expect(waiting).rejects.toThrow(/abort/);
  });

  it.each([
    ['is not looked for where the window is closed', { windowSeconds: undefined }],
    [
      'stands alone where the store fails',
      { store: { ...memoryTurns(), begin: () => Promise.reject(new Error('x')) } },
    ],
  ])('%s', async (_what, options) => {
    const { repeats } = parts(options);
    await repeats.standing('a', 't1', mark());
    expect(await repeats.standing('a', 't2', mark())).toMatchObject({ origin: 't2' });
  });
});

it('a try that its client counts is doubtful where the store was away since the one before it could have begun', async () => {
  const known: number[] = [];
  const store = (isWhole: boolean): TurnStore => ({
    ...memoryTurns(),
    knowsAllSince: (time) => (known.push(time), isWhole),
  });
  const of = async (isWhole: boolean, over: Partial<RepeatMark>) =>
    (
      await parts({ store: store(isWhole) }).repeats.standing('scope', 't1', mark({ at: 100_000, ...over }))
    ).isDoubtful?.();
  expect(await of(false, { isMarked: true, isRetry: true })).toBe(true);
  expect(await of(true, { isMarked: true, isRetry: true })).toBe(false);
  // A first request may have a key of its own.
  expect(await of(false, { isMarked: true })).toBeUndefined();
  expect(known[0]).toBe(40_000);
});

it('a turn that another replica began is doubtful where the store was away since then, and one of this replica is not', async () => {
  const of = async (where: 'dead' | 'elsewhere' | 'here', isWhole: boolean) => {
    const store = { ...storeWith({ turn: 't1', state: 'running', where }), knowsAllSince: () => isWhole };
    const standing = await parts({ store }).repeats.standing('a', 't2', mark({ at: 100_000 }));
    return [standing.origin, standing.isDoubtful?.()];
  };
  expect(await of('dead', false)).toEqual(['t1', true]);
  expect(await of('elsewhere', false)).toEqual(['t1', true]);
  expect(await of('here', false)).toEqual(['t1', undefined]);
  expect(await of('dead', true)).toEqual(['t1', false]);
});

it('a store that goes away while a turn is waited for makes it doubtful', async () => {
  let isWhole = true;
  const store = {
    ...storeWith({ turn: 't1', state: 'running', where: 'dead' }),
    knowsAllSince: () => isWhole,
  };
  const { isDoubtful } = await parts({ store }).repeats.standing('a', 't2', mark({ at: 100_000 }));
  expect(isDoubtful?.()).toBe(false);
  isWhole = false;
  expect(isDoubtful?.()).toBe(true);
});

describe('a repetition that waits for its turn while the store is away', () => {
  /** A store that answers every other time, and a clock that goes on by so many milliseconds with each look at it. */
  function away(stepMs: number, failures: number) {
    let [time, read] = [0, 0];
    const store: TurnStore = {
      ...storeWith({ turn: 't1', state: 'running', where: 'elsewhere' }),
      knowsAllSince: () => read > failures,
      read: async () => {
        read += 1;
        return read > failures
          ? { turn: 't1', state: 'answered', answer: { ...answer, texts: [...answer.texts] }, where: 'dead' }
          : undefined;
      },
    };
    return { repeats: parts({ store, now: () => (time += stepMs) }).repeats, reads: () => read };
  }

  it('gets its answer when the store is back', async () => {
    const { repeats, reads } = away(1, 2);
    const standing = await repeats.standing('a', 't2', mark());
    expect(await standing.answer?.(never)).toEqual({ answer });
    expect(reads()).toBe(3);
  });

  it('goes on without it when the store stays away', async () => {
    const { repeats, reads } = away(6_000, 100);
    const standing = await repeats.standing('a', 't2', mark());
    expect(await standing.answer?.(never)).toEqual({});
    expect(reads()).toBe(2);
  });
});
