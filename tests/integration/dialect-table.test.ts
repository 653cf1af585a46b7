/**
 * Every dialect, streaming and not, in every kind of turn: each cell is held by the official SDK of the dialect
 * through a real LiteLLM, and checked on the wire, at the SDK and at the model. The cells are data; what a cell
 * must show follows from what the model says in it.
 */
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import type { Answer, Call, Driver, Entry, Exchange, Refused, Tokens } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { cutStreams } from '../support/cut-stream';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

const drivers = [chatDriver, responsesDriver, messagesDriver, generateContentDriver];
const question = 'What is the word?';

/** A call and what comes of it; the client's own is answered by the client. */
interface Calling {
  readonly tool: string;
  readonly args: Readonly<Record<string, string>>;
  readonly result: string;
  /** What the model reads, where that is more. */
  readonly read?: string;
}

/** One answer of the model: text, calls, or what goes wrong. `$results` stands for the results behind the last answer. */
interface Round {
  readonly text?: string;
  readonly calls?: readonly Calling[];
  readonly fails?: Refused;
  /** The model never answers, and hook-service is killed meanwhile. */
  readonly lost?: true;
}

interface Cell {
  readonly turn: string;
  readonly rounds: readonly Round[];
  /** What the client gets at the end, in place of an answer. */
  readonly error?: { readonly status: number; readonly says: string };
}

const ours = (text: string): Calling => ({ tool: 'notes__echo', args: { text }, result: text });
const broken: Calling = { tool: 'notes__broken', args: {}, result: 'The disk is full.' };
const theirs = (city: string, result: string): Calling => ({ tool: 'weather', args: { city }, result });
const isOurs = ({ tool }: Calling): boolean => tool !== 'weather';

const limit = 4;
const limitTold = `[The limit of ${limit} rounds is reached: no more tools run in this turn. Answer with what is known, and say so.]`;
const overloaded = { error: 'the model is overloaded', status: 429 };

const cells: readonly Cell[] = [
  { turn: 'a plain answer', rounds: [{ text: 'Hello there.' }] },
  {
    turn: 'one round',
    rounds: [{ text: 'Let me see.', calls: [ours('quince')] }, { text: 'It says $results.' }],
  },
  {
    turn: 'three rounds',
    rounds: [
      { text: 'Step one.', calls: [ours('a')] },
      { calls: [ours('b')] },
      { text: 'Step three.', calls: [ours('c')] },
      { text: 'The last was $results.' },
    ],
  },
  {
    turn: 'parallel calls',
    rounds: [{ calls: ['a', 'b', 'c', 'd'].map(ours) }, { text: 'They say $results.' }],
  },
  {
    turn: 'the client’s calls and ours in one round',
    rounds: [
      { text: 'First this.', calls: [ours('zero')] },
      { calls: [ours('ours one'), theirs('Bern', 'sunny'), ours('ours two')] },
      { text: 'So: $results.' },
    ],
  },
  {
    turn: 'mixed, and then mixed again',
    rounds: [
      { text: 'Part one.', calls: [theirs('Bern', 'sunny'), ours('ours one')] },
      { text: 'Part two.', calls: [ours('ours two'), theirs('Basel', 'rain'), theirs('Chur', 'snow')] },
      { text: 'So: $results.' },
    ],
  },
  {
    turn: 'the limit of rounds',
    rounds: [
      ...Array.from({ length: limit }, (_, n) => ({
        text: `Try ${n}.`,
        calls: [
          n < limit - 1 ? ours(`again ${n}`) : { ...ours(`again ${n}`), read: `again ${n}\n${limitTold}` },
        ],
      })),
      { text: 'That is all.' },
    ],
  },
  {
    turn: 'an error of the tool',
    rounds: [{ calls: [broken, ours('fine')] }, { text: 'It says $results.' }],
  },
  {
    turn: 'an error of the model in round two',
    rounds: [{ text: 'Let me see.', calls: [ours('quince')] }, { fails: overloaded }],
    error: { status: overloaded.status, says: overloaded.error },
  },
  {
    turn: 'the loss of hook-service in round two',
    rounds: [{ text: 'Let me see.', calls: [ours('quince')] }, { lost: true }],
    error: { status: 503, says: 'Toolturn was lost' },
  },
];

let model: ScriptedModel;
let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  model = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => String(args['text']) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: broken.result }] }),
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { limits: { rounds: limit } },
    models: drivers.map((driver) => driver.entry(model.url)),
  });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await model?.stop();
});

beforeEach(async () => {
  if (!stack.hook.running) {
    stack.hook = await stack.startHook();
    await waitUntil(hasTools, { timeoutMs: 20_000, what: 'hook-service with its tools, at the door' });
  }
  model.reset();
  fixture.calls.length = 0;
});

/** True once hook-service has its tools and the door reaches it. */
async function hasTools(): Promise<boolean> {
  const { status } = (await (await fetch(`${stack.hook.url}/health/ready`)).json()) as { status: string };
  if (status !== 'ready') return false;
  model.answerWith(chatDriver.provider(() => ({ text: 'Hello.' })));
  const exchanges: Exchange[] = [];
  const settings = { url: stack.url, key: 'sk-test-alice', stream: false, own: false, exchanges };
  await chatDriver.converse(settings).ask('Hello?');
  return exchanges[0]?.headers.get('x-toolturn') !== 'unavailable';
}

/** What was played, and what both ends saw of it. */
interface Played {
  /** One for each request of the client that ended well. */
  readonly answers: readonly Answer[];
  readonly error?: Record<string, any>;
  /** Names of the tools that came with each request to the model. */
  readonly offered: readonly (readonly string[])[];
  readonly exchanges: readonly {
    readonly headers: Headers;
    readonly status: number;
    readonly body: string;
  }[];
}

const usageOf = (round: number): Tokens => ({ input: 10 * (round + 1), output: round + 1 });

/** Lets the model say the rounds of a cell, and the client hold the conversation until it has its answer. */
async function play(
  driver: Driver,
  stream: boolean,
  { rounds }: Cell,
  sizes?: readonly number[],
): Promise<Played> {
  const [working, never] = [gate(), gate()];
  // Random, never counted: an outcome recorded under an id of an earlier cell must not be met again.
  const made = randomBytes(6).toString('hex');
  const callsOf = (round: Round, n: number): Call[] =>
    (round.calls ?? []).map((call, at) => ({
      id: `${isOurs(call) ? 'hid' : 'own'}_${made}_${n}_${at}`,
      name: call.tool,
      args: call.args,
    }));
  const offered: (readonly string[])[] = [];
  const answer = driver.provider(async ({ rounds: behind, results, tools }) => {
    offered.push(tools);
    const round = rounds[behind];
    if (round === undefined) return { error: `There is no round ${behind} in this cell.`, status: 500 };
    if (round.fails !== undefined) return round.fails;
    if (round.lost === true) {
      working.open();
      await never.opened;
    }
    return {
      ...(round.text === undefined ? {} : { text: round.text.replace('$results', results.join(' / ')) }),
      calls: callsOf(round, behind),
      usage: usageOf(behind),
    };
  });
  model.answerWith(sizes === undefined ? answer : cutStreams(answer, sizes));
  const exchanges: Exchange[] = [];
  const own = rounds.some(({ calls }) => calls?.some((call) => !isOurs(call)));
  // A key for each cell: the same question after a failure would be a retry.
  const key = `sk-test-${made}`;
  const conversation = driver.converse({ url: stack.url, key, stream, own, exchanges });
  const answers: Answer[] = [];
  let error: unknown;
  const hold = async (): Promise<void> => {
    answers.push(await conversation.ask(question));
    for (const { calls = [] } of rounds) {
      const results = calls.filter((call) => !isOurs(call)).map(({ result }) => result);
      if (results.length > 0) answers.push(await conversation.answer(results));
    }
  };
  const held = hold().catch((caught: unknown) => void (error = caught));
  if (rounds.some(({ lost }) => lost)) {
    await working.opened;
    await stack.hook.stop(0);
    await stack.hook.exited;
  }
  await held;
  never.open();
  const seen = exchanges.map(async ({ body, ...rest }) => ({ ...rest, body: await body }));
  return {
    answers,
    offered,
    exchanges: await Promise.all(seen),
    ...(error === undefined ? {} : { error: error as Record<string, any> }),
  };
}

/** The rounds by the requests of the client: each ends where calls of the client come. */
function stepsOf({ rounds }: Cell): { readonly from: number; readonly rounds: readonly Round[] }[] {
  const steps: { from: number; rounds: Round[] }[] = [{ from: 0, rounds: [] }];
  rounds.forEach((round, n) => {
    steps.at(-1)?.rounds.push(round);
    if (round.calls?.some((call) => !isOurs(call))) steps.push({ from: n + 1, rounds: [] });
  });
  return steps;
}

/** What a round says, once `$results` is known. */
function said(cell: Cell, n: number): string | undefined {
  const results = (cell.rounds[n - 1]?.calls ?? []).map(({ result }) => result).join(' / ');
  return cell.rounds[n]?.text?.replace('$results', results);
}

/** The conversation as the model has to be told it when it is asked for round `n`. */
function entriesBefore(cell: Cell, n: number): Entry[] {
  return [
    ['question', question],
    ...cell.rounds.slice(0, n).flatMap((round, at): Entry[] => {
      const text = said(cell, at);
      return [
        ...(text === undefined ? [] : [['text', text] as const]),
        ...(round.calls ?? []).map(({ tool, args }) => ['call', tool, args] as const),
        ...(round.calls ?? []).map(({ result, read = result }) => ['result', read] as const),
      ];
    }),
  ];
}

describe.each(drivers)('$dialect', (driver) => {
  it('shows the client the same, wherever the provider’s bytes are cut', async () => {
    const rounds = [
      { text: 'Schön 😀, ich sehe nach.', calls: [ours('Käse')] },
      { text: '$results 🧀', calls: [ours('b'), theirs('Bern', 'sonnig ☀')] },
      { text: 'Also: $results.' },
    ];
    const cell: Cell = { turn: 'cut', rounds };
    const views = async (sizes?: readonly number[]): Promise<unknown> => {
      const { answers, error } = await play(driver, true, cell, sizes);
      const told = model.requests.map((request) => driver.entriesOf(request));
      model.reset();
      return { answers: JSON.stringify(answers).replaceAll(/own_\w+/g, 'own'), error, told };
    };
    const whole = await views();
    expect(await views([1])).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        async (sizes) => {
          expect(await views(sizes)).toEqual(whole);
        },
      ),
      { numRuns: 5 },
    );
  });

  describe.each([
    ['not streaming', false],
    ['streaming', true],
  ])('%s', (_how, stream) => {
    it.each(cells)('$turn', async (cell) => {
      const { answers, error, exchanges, offered } = await play(driver, stream, cell);
      const steps = stepsOf(cell);

      // What the model was told: every round once, each request the beginning of the next, byte for byte.
      const requests = model.requests;
      expect(requests.flatMap((request) => driver.requestProblems(request))).toEqual([]);
      expect(requests.map((request) => driver.entriesOf(request))).toEqual(
        // A round that fails is asked for once more.
        cell.rounds.flatMap(({ fails }, n) => Array<Entry[]>(fails ? 2 : 1).fill(entriesBefore(cell, n))),
      );
      const own = cell.rounds.some(({ calls = [] }) => !calls.every(isOurs));
      const all = [...(own ? ['weather'] : []), 'notes__broken', 'notes__echo'];
      expect(offered).toEqual(offered.map((_, n) => (n < limit ? all : [])));
      const bodies = requests.map((request) => JSON.stringify(driver.messagesOf(request)));
      bodies.slice(1).forEach((body, n) => {
        const before = bodies[n]?.slice(0, -1) ?? '?';
        expect(body.slice(0, before.length)).toBe(before);
      });
      expect(fixture.calls).toHaveLength(
        cell.rounds.flatMap(({ calls = [] }) => calls.filter(isOurs)).length,
      );

      // What went to the client: nothing of ours, in the dialect's own grammar.
      for (const { body } of exchanges) expect(body).not.toMatch(/notes__|hid_/);
      expect(exchanges).toHaveLength(steps.length);
      const problems = exchanges.flatMap(({ body }, n) =>
        cell.error !== undefined && n === steps.length - 1
          ? driver.errorProblems(body, stream)
          : driver.answerProblems(body, stream),
      );
      expect(problems).toEqual([]);
      if (cell.error !== undefined) {
        expect(answers).toEqual([]);
        expect(error).toBeInstanceOf(Error);
        expect(`${error?.['message']} ${JSON.stringify(error)}`).toContain(cell.error.says);
        expect(exchanges.at(-1)?.status).toBe(stream ? 200 : cell.error.status);
        expect(exchanges.at(-1)?.body).toContain(cell.error.says);
        if (stream) expect(exchanges.at(-1)?.body.indexOf('see.')).toBeGreaterThan(0);
        return;
      }

      // What the SDK has: one answer for each of its requests, with the usage of all rounds behind it.
      expect(error).toBeUndefined();
      expect(answers).toEqual(
        steps.map(({ from, rounds }, step) => ({
          text: rounds.flatMap((_, at) => said(cell, from + at) ?? []).join('\n\n'),
          calls: (rounds.at(-1)?.calls ?? [])
            .filter((call) => !isOurs(call))
            .map(({ tool, args }) => ({ id: expect.stringMatching(/^own_/), name: tool, args })),
          reason: step === steps.length - 1 ? driver.ends.finished : driver.ends.calls,
          usage: rounds
            .map((_, at) => usageOf(from + at))
            .reduce((sum, each) => ({ input: sum.input + each.input, output: sum.output + each.output })),
        })),
      );
      if (stream || !driver.countsInHeaders) return;
      exchanges.forEach(({ headers }, step) => {
        const { rounds = [] } = steps[step] ?? {};
        const ran = rounds.flatMap(({ calls = [] }) => calls.filter(isOurs)).length;
        if (ran === 0) return;
        expect(headers.get('x-toolturn-rounds')).toBe(String(rounds.length));
        expect(headers.get('x-toolturn-calls')).toBe(String(ran));
      });
    });
  });
});
