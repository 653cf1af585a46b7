import { Generations, type Generation } from './generations';
import type { HookRequest, PreCallAnswer, TurnHooks, TurnMark } from './hooks';
import { ticketSilenceMs } from './ticket';

const request: HookRequest = { path: '/v1/chat/completions', headers: {}, caller: {}, body: {} };
const armed: PreCallAnswer = {
  action: 'arm',
  set: {},
  remove: [],
  mark: { turn: 'turn-1234', clientTools: 0, place: { chain: '', asked: '' }, wantsUsage: false },
  deadlineSeconds: 10,
};
const signal = new AbortController().signal;

interface Fake extends Generation {
  readonly closed: number;
  /** Versions are said by whoever answered. */
  hold(): { end: () => void };
  answer: PreCallAnswer;
}

function fake(version: string, turnMs = 1_000): Fake {
  let closed = 0;
  let waiting: Promise<void> = Promise.resolve();
  const service: TurnHooks = {
    inFlight: 0,
    preCall: async () => generation.answer,
    postCall: async () => {
      await waiting;
      return { response: { by: version }, rounds: 1, calls: 1 };
    },
    stream: async (_request, _mark, _seen, _chunks, sink) => sink.write({ by: version }),
  };
  const generation: Fake = {
    version,
    service,
    turnMs,
    answer: armed,
    close: () => void (closed += 1),
    get closed() {
      return closed;
    },
    hold() {
      let end!: () => void;
      waiting = new Promise((resolve) => (end = resolve));
      return { end };
    },
  };
  return generation;
}

let now = 0;
let generations: Generations<Fake>;
const begin = (first: Fake, more = {}) =>
  (generations = new Generations(first, { now: () => now, leastMs: 100, ...more }));
const passed = async (milliseconds: number): Promise<void> => {
  now += milliseconds;
  await jest.advanceTimersByTimeAsync(milliseconds);
};
const markOf = (answer: PreCallAnswer): TurnMark => {
  if (answer.action !== 'arm') throw new Error('It was to be armed');
  return answer.mark;
};
const finish = async (mark: TurnMark): Promise<unknown> =>
  (await generations.postCall(request, mark, {}, signal))?.response['by'];

beforeEach(() => {
  jest.useFakeTimers();
  now = 0;
});
afterEach(() => {
  generations.close();
  jest.useRealTimers();
});

test('a turn finishes on the config it was offered tools by, and the next one begins with the new config', async () => {
  begin(fake('a'));
  const mark = markOf(await generations.preCall(request));
  generations.replace(fake('b'));
  expect(await finish(mark)).toBe('a');
  expect(await finish(markOf(await generations.preCall(request)))).toBe('b');
  const chunks: unknown[] = [];
  await generations.stream(
    request,
    mark,
    [],
    (async function* () {})(),
    { write: async (chunk) => void chunks.push(chunk) },
    signal,
  );
  expect(chunks).toEqual([{ by: 'a' }]);
});

test('a mark of a config that nobody knows, or of none, goes by the present one', async () => {
  begin(fake('a'));
  const mark = markOf(await generations.preCall(request));
  generations.replace(fake('b'));
  expect(await finish({ ...mark, config: 'elsewhere' })).toBe('b');
  const { config: _config, ...old } = mark;
  expect(await finish(old)).toBe('b');
});

test('a config that offered nothing lately ends after the least time, one that did when its turns must be over', async () => {
  const [a, b] = [fake('a'), fake('b')];
  begin(a);
  generations.replace(b);
  await passed(99);
  expect(a.closed).toBe(0);
  await passed(1);
  expect(a.closed).toBe(1);
  await generations.preCall(request);
  await passed(400);
  generations.replace(fake('c'));
  await passed(599);
  expect(b.closed).toBe(0);
  await passed(1);
  expect(b.closed).toBe(1);
  expect(generations.all.map(({ version }) => version)).toEqual(['c']);
});

test('a config that lent the door a ticket is kept for the turns that began with it unseen', async () => {
  const a = fake('a');
  begin(a);
  a.answer = {
    action: 'pass',
    reason: 'nothing to offer',
    ticket: {
      ...{ version: 'p.1', of: '-.1.-.0', unless: { headers: [], words: [], tokens: 16 } },
      facts: { scope: 's', dialect: 'chat', model: 'm', decision: 'passed', offered: 0, offeredTokens: 0 },
    },
  };
  expect(await generations.preCall(request)).toMatchObject({ ticket: { version: 'p.1', config: 'a' } });
  await passed(60_000);
  generations.replace(fake('b'));
  // The door may not have heard of the change for as long as a ticket lasts in silence.
  await passed(ticketSilenceMs + 999);
  expect(a.closed).toBe(0);
  const begun = { turn: '0'.repeat(32), config: 'a', ageMs: 3_000 };
  expect((await generations.postCall(request, begun, {}, signal))?.response['by']).toBe('a');
  await passed(1);
  expect(a.closed).toBe(1);
});

test('a turn that runs keeps its config until it ends, however long that takes', async () => {
  const a = fake('a');
  begin(a);
  const mark = markOf(await generations.preCall(request));
  const held = a.hold();
  const running = finish(mark);
  generations.replace(fake('b'));
  await passed(10_000);
  expect(a.closed).toBe(0);
  held.end();
  expect(await running).toBe('a');
  expect(a.closed).toBe(1);
});

test('a request that was being armed when the config changed keeps it too', async () => {
  const a = fake('a');
  begin(a);
  const answering = generations.preCall(request);
  generations.replace(fake('b'));
  const mark = markOf(await answering);
  await passed(999);
  expect(mark.config).toBe('a');
  expect(await finish(mark)).toBe('a');
});

test('only so many are kept, the oldest goes first, and not under a turn that runs', async () => {
  const [a, b, c] = [fake('a'), fake('b'), fake('c')];
  begin(a, { most: 1 });
  const mark = markOf(await generations.preCall(request));
  const held = a.hold();
  const running = finish(mark);
  generations.replace(b);
  generations.replace(c);
  expect(generations.all).toEqual([b, c]);
  expect(a.closed).toBe(0);
  held.end();
  expect(await running).toBe('a');
  expect(a.closed).toBe(1);
  expect(await finish(mark)).toBe('c');
});

test('what is passed or rejected stays as it is, and keeps nothing', async () => {
  const a = fake('a');
  a.answer = { action: 'pass', reason: 'no' };
  begin(a);
  expect(await generations.preCall(request)).toBe(a.answer);
  generations.replace(fake('b'));
  await passed(100);
  expect(a.closed).toBe(1);
});
