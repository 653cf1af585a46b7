import { silent } from '../../../tests/support/silent-log';
import { CallRunner, type CallContext } from './calls';
import { OfferBook } from './offer';
import type { CallStore, Claim, ToolHost, ToolResult } from './ports';
import { RunningHere } from './running-here';
import { gate } from '../../../scripts/src/gate';
import { memoryCallStore } from '../state/claims';

const server = {
  transport: 'http' as const,
  name: 's',
  publicName: 's',
  url: 'http://s/mcp',
  headers: {},
  timeoutMs: 1000,
  requireApproval: 'never' as const,
};
const inputSchema = { type: 'object' };
const catalog = {
  version: 1,
  tools: [
    { server: 's', tool: 'write', inputSchema },
    { server: 's', tool: 'read', inputSchema, annotations: { readOnlyHint: true } },
    { server: 's', tool: 'set', inputSchema, annotations: { idempotentHint: true } },
  ],
};
const done: ToolResult = { content: [{ type: 'text', text: 'done' }] };

/** Turns that share a store, and how often their tools ran. */
function parts(store: CallStore = memoryCallStore(), results: ToolResult[] = [], here?: RunningHere) {
  const made: string[] = [];
  const host: ToolHost = {
    catalog: () => catalog,
    call: async ({ tool }) => {
      made.push(tool);
      return results.shift() ?? done;
    },
  };
  const book = new OfferBook(host, [server]);
  const runner = () =>
    new CallRunner({
      host,
      store,
      limits: {
        rounds: 3,
        calls: 10,
        parallel: 2,
        turnMs: 60_000,
        answerMs: 60_000,
        callMs: 60_000,
        callMaxMs: 60_000,
        repeats: 5,
        resultBytes: 1000,
      },
      outcomeTtlSeconds: 60,
      ...(here === undefined ? {} : { here }),
      log: silent,
    });
  let ids = 0;
  const turn = (origin: string, signal = new AbortController().signal, more: Partial<CallContext> = {}) => {
    const one = runner();
    const context: CallContext = {
      turn: `turn-${++ids}`,
      origin,
      scope: 'scope',
      caller: {},
      access: book.accessOf({}),
      resolve: (name) => book.resolve({}, name),
      signal,
      gate: { execute: (run) => run() },
      ...more,
    };
    return (tool: string, args: object = {}, round = 1) =>
      one.run(context, round, { id: `c${++ids}`, name: `s__${tool}`, arguments: JSON.stringify(args) });
  };
  return { made, turn, host };
}

/** A store that says this of every claim, the last of it for ever. */
function saying(...claims: Claim[]): CallStore {
  return {
    claim: async () => (claims.length > 1 ? claims.shift() : claims[0]) ?? { state: 'claimed' },
    record: async () => undefined,
    release: async () => undefined,
  };
}

describe('a call of a turn that is repeated', () => {
  it('gets the recorded outcome, whatever its id, its round and the order of its arguments', async () => {
    const { made, turn } = parts();
    await turn('first')('write', { a: 1, b: 2 });
    expect(await turn('first')('write', { b: 2, a: 1 }, 2)).toMatchObject({ text: 'done', replayed: true });
    expect(made).toEqual(['write']);
  });

  it('runs as often as the first turn ran it, and no less', async () => {
    const { made, turn } = parts();
    const [first, again] = [turn('first'), turn('first')];
    await first('write');
    await first('write', {}, 2);
    await again('write');
    await again('write');
    expect(made).toHaveLength(2);
    await again('write');
    expect(made).toHaveLength(3);
  });

  it('runs with other arguments, and in another turn', async () => {
    const { made, turn } = parts();
    await turn('first')('write', { a: 1 });
    await turn('first')('write', { a: 2 });
    await turn('other')('write', { a: 1 });
    expect(made).toHaveLength(3);
  });

  it('joins the first one while its outcome is on the way to the store', async () => {
    const memory = memoryCallStore();
    const stored = gate();
    const record: CallStore['record'] = async (...call) => {
      await stored.opened;
      await memory.record(...call);
    };
    const { made, turn } = parts({ ...memory, record }, [], new RunningHere());
    const recordings: Promise<void>[] = [];
    const recording = (kept: Promise<void>) => void recordings.push(kept);
    expect(await turn('first', undefined, { recording })('write')).toMatchObject({ text: 'done' });
    expect(await turn('first', undefined, { recording })('write')).toMatchObject({ text: 'done' });
    stored.open();
    await Promise.all(recordings);
    expect(await turn('first')('write')).toMatchObject({ text: 'done' });
    expect(made).toEqual(['write']);
  });

  it('runs where the first one was refused before its server was asked', async () => {
    const { made, turn } = parts();
    const over = AbortSignal.abort();
    expect(await turn('first', over)('write')).toMatchObject({ failure: 'timeout' });
    expect(await turn('first')('write')).toMatchObject({ text: 'done' });
    expect(made).toEqual(['write']);
  });

  it.each([
    ['write', 1],
    ['read', 2],
    ['set', 2],
  ])('of %s that broke off runs %d time(s) in all', async (tool, times) => {
    const broken: ToolResult = { failure: 'transport', content: [{ type: 'text', text: 'broke' }] };
    const { made, turn } = parts(memoryCallStore(), [broken]);
    await turn('first')(tool);
    expect((await turn('first')(tool)).text).toBe(times === 1 ? 'broke' : 'done');
    expect(made).toHaveLength(times);
  });
});

describe('a call that is claimed', () => {
  const recorded: Claim = { state: 'recorded', call: { digest: 'other', result: done } };

  it.each<[string, Claim]>([
    ['by a replica that died', { state: 'running', where: 'dead' }],
    ['here, where it does not run', { state: 'running', where: 'here' }],
    ['in words that nobody can read', { state: 'unreadable' }],
    ['by another call', recorded],
  ])('%s is of unknown fate, and runs only if it may be repeated', async (_how, claim) => {
    const { made, turn } = parts(saying(claim));
    expect(await turn('t')('write')).toMatchObject({ failure: 'unknown_fate' });
    expect(await turn('t')('read')).toMatchObject({ text: 'done' });
    expect(await turn('t')('set')).toMatchObject({ text: 'done' });
    expect(made).toEqual(['read', 'set']);
  });

  it('by a replica that lives is waited for; its death ends that, and so does a claim that is gone', async () => {
    const alive: Claim = { state: 'running', where: 'elsewhere' };
    for (const last of [{ state: 'running', where: 'dead' }, { state: 'claimed' }] satisfies Claim[]) {
      const { made, turn } = parts(saying(alive, alive, last));
      expect(await turn('t')('write')).toMatchObject({ failure: 'unknown_fate' });
      expect(made).toEqual([]);
    }
  });

  it('by a replica that lives is waited for until the outcome is there', async () => {
    const memory = memoryCallStore();
    let isAlive = true;
    const store: CallStore = {
      ...memory,
      claim: async (...of) => {
        const claim = await memory.claim(...of);
        if (claim.state !== 'running' || !isAlive) return claim;
        isAlive = false;
        return { state: 'running', where: 'elsewhere' };
      },
    };
    const slow = parts(store);
    let finish: (result: ToolResult) => void = () => undefined;
    slow.host.call = () => new Promise((resolve) => (finish = resolve));
    const first = slow.turn('t')('write');
    await new Promise(setImmediate);
    const again = slow.turn('t')('write');
    finish(done);
    expect([(await first).text, await again]).toMatchObject(['done', { text: 'done', replayed: true }]);
  });
});

it('a call of a turn that somebody may have worked on, unknown to anybody, runs only where that does no harm', async () => {
  const { made, turn } = parts();
  const doubtful = turn('o', new AbortController().signal, { mayHaveRun: () => true });
  const outcomes = [await doubtful('write'), await doubtful('read'), await doubtful('set')];
  expect(outcomes.map(({ failure }) => failure)).toEqual(['unknown_fate', undefined, undefined]);
  expect(made).toEqual(['read', 'set']);
  // The claim is given back: nobody waits for a call that does not run.
  expect((await turn('o')('write')).text).toBe('done');
});
