/** The chaos run: load, faults, and what must hold all the same. */
import { setTimeout as pause } from 'node:timers/promises';
import { between, oneOf, randomFrom, type Random } from '../support/random';
import { causeFaults, type Fault } from './faults';
import { startParts, type Parts } from './parts';
import { judge, type ChaosReport } from './report';
import { drivers, ScriptedTurns, type TurnPlan, type TurnRecord } from './script';
import { askOnce, type ClientPlan, type Ended } from './turns';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Told in words how it goes. */
  readonly say?: (line: string) => void;
}

/** Clients at once. */
const workers = 6;

/**
 * The longest a client may wait for one answer: 10 s for the offer, `turn_seconds` and `answer_seconds` and the 10 s that
 * the door adds to them, and 26 s for LiteLLM, which may be paused, slowed and short of CPU.
 */
const limits = { turn_seconds: 10, answer_seconds: 4, parallel: 4 };
const deadlineMs = (10 + limits.turn_seconds + limits.answer_seconds + 10 + 26) * 1000;

/** One turn and its record at the model. */
export interface Turn {
  readonly ended: Ended;
  readonly record: TurnRecord;
  /** How often this client had asked the same before, in vain. */
  readonly retry: number;
  /** True for turns after the last fault, when everything serves again. */
  readonly calm: boolean;
}

/** Runs for so many minutes of faults; then everything has to recover and a last set of turns has to succeed. */
export async function runChaos({ seed, minutes, say = () => undefined }: ChaosOptions): Promise<ChaosReport> {
  const models = new ScriptedTurns();
  const parts = await startParts({
    litellms: 2,
    hooks: 2,
    models: (url) => drivers.map((driver) => driver.entry(url)),
    toolturn: { limits, log_level: 'info' },
  });
  try {
    parts.model.answerWith(models.answer);
    await parts.recovered(60_000);
    say(`seed ${seed}: everything serves, ${minutes} minutes of faults begin`);
    const turns: Turn[] = [];
    const faults: Fault[] = [];
    const over = new AbortController();
    const random = randomFrom(seed);
    const chaos = causeFaults(parts.all, randomFrom(seed + 1), over.signal, faults);
    const next = plans(random);
    const load = Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        while (!over.signal.aborted) {
          const plan = next(worker);
          turns.push(...(await play(parts, models, plan, false)));
          parts.model.requests.length = 0;
          if (turns.length % 100 === 0) say(`${turns.length} turns, ${faults.length} faults`);
        }
      }),
    );
    await pause(minutes * 60_000);
    over.abort();
    await Promise.all([load, chaos]);

    say('the faults are over, everything has to recover');
    const from = performance.now();
    await parts.recovered(120_000);
    const recoveredMs = performance.now() - from;
    for (const plan of everyKind(turns.length)) turns.push(...(await play(parts, models, plan, true)));
    return judge({ seed, minutes, turns, faults, lines: parts.lines(), deadlineMs, recoveredMs });
  } finally {
    await parts.stop();
  }
}

/** A turn, and its repetitions where it failed and its client is one that tries again. */
async function play(parts: Parts, models: ScriptedTurns, plan: ClientPlan, calm: boolean): Promise<Turn[]> {
  // A turn whose client has gone, or whose connection broke, may run on: its script stays.
  const record = models.begin(plan.turn);
  const turns: Turn[] = [];
  for (let retry = 0; retry <= (plan.retries ?? 0); retry += 1) {
    record.tries += 1;
    const ended = await askOnce(parts.url, plan, deadlineMs, retry);
    turns.push({ ended, record, retry, calm });
    if (!/broken|error 5|error in stream/.test(ended.ending)) break;
  }
  return turns;
}

const servers = ['stdio', 'http', 'sse'];

/** Turns at random, each with a number of its own. */
function plans(random: Random): (worker: number) => ClientPlan {
  let count = 0;
  return (worker) => {
    const rounds = Array.from({ length: between(random, 1, 3) }, () =>
      Array.from({ length: between(random, 1, 3) }, () => oneOf(random, servers)),
    );
    const [own, leaves, after, retries] = [random(), random(), between(random, 50, 1_500), random()];
    const turn: TurnPlan = {
      id: turnId((count += 1)),
      rounds,
      ...(own < 0.15 ? { own: 'beside' } : own < 0.3 ? { own: 'after' } : {}),
    };
    const client = { driver: oneOf(random, drivers), stream: random() < 0.6, key: `sk-test-worker${worker}` };
    if (own < 0.3) return { turn, ...client };
    return {
      turn,
      ...client,
      ...(leaves < 0.1 ? { leavesAfterMs: after } : { retries: retries < 0.5 ? 2 : 0 }),
    };
  };
}

/** Each dialect, streaming and not, with and without a tool of the client's own. */
function everyKind(begun: number): ClientPlan[] {
  let count = begun;
  return drivers.flatMap((driver) =>
    [true, false].flatMap((stream) =>
      [undefined, 'beside' as const].map((own) => ({
        turn: {
          id: turnId((count += 1) + 500_000),
          rounds: [servers, ['http']],
          ...(own === undefined ? {} : { own }),
        },
        driver,
        stream,
        key: 'sk-test-calm',
      })),
    ),
  );
}

const turnId = (number: number): string => `turn-${String(number).padStart(6, '0')}`;
