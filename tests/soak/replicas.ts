/**
 * Two replicas of hook-service behind a balancer under as much load as the machine holds: clients of all dialects, clients
 * that read slowly, and clients that go away in the middle. Prints whether memory, open files and Redis stay as they are.
 */
import { Redis } from 'ioredis';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startParts, type Parts } from '../chaos/parts';
import { answerOf, drivers, ScriptedTurns, type TurnPlan } from '../chaos/script';
import { askOnce } from '../chaos/turns';
import { between, oneOf, randomFrom, type Random } from '../support/random';

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly say?: (line: string) => void;
}

/** One look at the system. */
export interface Sample {
  readonly seconds: number;
  readonly turns: number;
  /** Of each replica. */
  readonly rssMb: readonly number[];
  /** The least that was left of the heap behind a full collection in the last half minute; none where there was no such. */
  readonly keptMb: readonly (number | undefined)[];
  readonly files: readonly number[];
  readonly redisKeys: number;
  readonly redisMb: number;
}

export interface SoakReport {
  readonly seed: number;
  readonly minutes: number;
  readonly samples: readonly Sample[];
  readonly endings: Readonly<Record<string, number>>;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Behind the warm-up, MB per hour; the larger of the two replicas. */
  readonly rssSlope: number;
  readonly keptSlope: number;
  /** Between the first and the last third behind the warm-up; the larger of the two replicas. */
  readonly growth: Readonly<Record<'rssMb' | 'keptMb' | 'files' | 'redisKeys', number>>;
  /** What went otherwise than it had to. */
  readonly problems: readonly string[];
}

/** Clients at once, by what they are like. */
const clients = { usual: 8, slow: 2, leaving: 2 };
/** Long enough that the buffers on its way do not hold it. */
const slowAnswer = 4_000_000;
/** Everything that is kept goes after a minute, the shortest time there is, so that the end does not wait for it. */
const kept = { memory: { ttl: '60s' }, outcome_ttl: '60s' };
const limits = { turn_seconds: 60, answer_seconds: 30, parallel: 4 };
const deadlineMs = 120_000;
/**
 * Node collects its old objects when it has to, and on a large machine that is late: its memory grows for minutes without
 * anything being kept. With little to grow in, what is kept shows, and too much of it ends the process.
 */
const heap = `--max-old-space-size=160 --require ${join(__dirname, 'heap-probe.cjs')}`;
/** The part of the run that is not looked at: code is compiled, pools fill, and keys get as many as they stay. */
const warmUp = 1 / 3;

/** Loads two replicas for so many minutes. */
export async function runSoak({ seed, minutes, say = () => undefined }: SoakOptions): Promise<SoakReport> {
  const models = new ScriptedTurns();
  const probes = mkdtempSync(join(tmpdir(), 'toolturn-soak-'));
  const parts = await startParts({
    litellms: 2,
    hooks: 2,
    models: (url) => drivers.map((driver) => driver.entry(url)),
    toolturn: { limits, ...kept },
    hookEnv: { NODE_OPTIONS: heap, HEAP_PROBE_DIR: probes },
  });
  const redis = new Redis(parts.redisUrl);
  const load = new Load(parts, models, randomFrom(seed));
  try {
    parts.model.answerWith(models.answer);
    await parts.recovered(60_000);
    const samples: Sample[] = [];
    const left = leftInHeaps(probes);
    const from = performance.now();
    const working = load.run();
    for (const until = from + minutes * 60_000; performance.now() < until;) {
      await pause(Math.min(5_000, until - performance.now()));
      samples.push(await look(parts, redis, left, load.ended, (performance.now() - from) / 1000));
      if (samples.length % 12 === 0) say(inLine(samples.at(-1)));
    }
    const perSecond = load.ended / ((performance.now() - from) / 1000);
    load.stop();
    await working;
    return {
      seed,
      minutes,
      samples,
      perSecond,
      ...load.figures(),
      ...judged(samples),
      problems: load.problems,
    };
  } finally {
    load.stop();
    redis.disconnect();
    await parts.stop();
    rmSync(probes, { recursive: true, force: true });
  }
}

/** Clients that ask one turn after the other. */
class Load {
  readonly problems: string[] = [];
  ended = 0;
  private begun = 0;
  private over = false;
  private readonly endings: Record<string, number> = {};
  private readonly waits: number[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly models: ScriptedTurns,
    private readonly random: Random,
  ) {}

  async run(): Promise<void> {
    const many = (count: number, each: () => Promise<string>): Promise<void>[] =>
      Array.from({ length: count }, () => this.repeat(each));
    await Promise.all([
      ...many(clients.usual, () => this.usual()),
      ...many(clients.slow, () => this.slow()),
      ...many(clients.leaving, () => this.usual(between(this.random, 20, 800))),
    ]);
  }

  stop(): void {
    this.over = true;
  }

  figures(): Pick<SoakReport, 'endings' | 'p50Ms' | 'p99Ms'> {
    const waits = this.waits.sort((a, b) => a - b);
    const at = (part: number): number => Math.round(waits[Math.floor(waits.length * part)] ?? 0);
    return { endings: this.endings, p50Ms: at(0.5), p99Ms: at(0.99) };
  }

  private async repeat(each: () => Promise<string>): Promise<void> {
    while (!this.over) {
      const ending = await each().catch((error: unknown) => {
        this.problems.push(String(error));
        return 'failed';
      });
      this.endings[ending] = (this.endings[ending] ?? 0) + 1;
      this.ended += 1;
      this.parts.model.requests.length = 0;
    }
  }

  private plan(more: Partial<TurnPlan> = {}): TurnPlan {
    const { random } = this;
    const rounds = Array.from({ length: between(random, 1, 2) }, () =>
      Array.from({ length: between(random, 1, 3) }, () => oneOf(random, ['stdio', 'http', 'sse'])),
    );
    const plan: TurnPlan = { id: `turn-${String((this.begun += 1)).padStart(6, '0')}`, rounds, ...more };
    this.models.begin(plan);
    // Long over, also for a client that has gone.
    this.models.forget(`turn-${String(this.begun - 2_000).padStart(6, '0')}`);
    return plan;
  }

  private async usual(leavesAfterMs?: number): Promise<string> {
    const own = this.random() < 0.2 ? ({ own: 'beside' } as const) : {};
    const ended = await askOnce(
      this.parts.url,
      {
        turn: this.plan(leavesAfterMs === undefined ? own : {}),
        driver: oneOf(this.random, drivers),
        stream: this.random() < 0.6,
        key: 'sk-test-soak',
        ...(leavesAfterMs === undefined ? {} : { leavesAfterMs }),
      },
      deadlineMs,
    );
    if (leavesAfterMs === undefined) {
      this.waits.push(ended.to - ended.from);
      if (ended.ending !== 'answer')
        this.problems.push(
          `${ended.plan.turn.id}: ${ended.ending} ${ended.error ?? ''} ${ended.problems.join()}`,
        );
    }
    this.problems.push(...ended.leaks);
    if (leavesAfterMs !== undefined) await this.runOut(ended.plan.turn.id);
    return ended.ending;
  }

  /** Waits for the end of a turn whose client has gone: it runs on, and more and more of them would be no steady load. */
  private async runOut(id: string): Promise<void> {
    const record = this.models.find(id);
    for (let ms = 0; ms < 30_000 && record?.finished === false; ms += 100) {
      // The client may have gone before LiteLLM had read its request.
      if (ms > 5_000 && record.requests === 0) return;
      await pause(100);
    }
  }

  /** Reads a long answer with a pause behind each piece. */
  private async slow(): Promise<string> {
    const turn = this.plan({ answerLength: slowAnswer });
    const answer = await fetch(`${this.parts.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test-slow' },
      body: JSON.stringify({
        model: 'chat',
        stream: true,
        messages: [{ role: 'user', content: `Do ${turn.id}.` }],
      }),
      signal: AbortSignal.timeout(deadlineMs),
    });
    let [bytes, end, begin] = [0, '', ''];
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      const text = Buffer.from(piece).toString('latin1');
      if (begin.length < 4_000) begin += text;
      end = (end + text).slice(-1_000);
      await pause(30);
    }
    const whole = bytes > slowAnswer && end.trimEnd().endsWith('data: [DONE]');
    const words = answerOf(turn.id).split(' ').at(-1) ?? '';
    if (!whole || !begin.includes(words))
      this.problems.push(`a slow reader of ${turn.id} got ${bytes} bytes: ${end.slice(-300)}`);
    return 'read slowly';
  }
}

/**
 * What the probe in each process has written for the last six looks, the least of it, in MB: a collection that runs beside
 * the program leaves what dies meanwhile.
 */
function leftInHeaps(dir: string): (pid: number) => number | undefined {
  const read = new Map<number, number[]>();
  return (pid) => {
    const file = join(dir, `${pid}`);
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    const looks = read.get(pid) ?? [];
    const since = lines.slice(looks.at(-6) ?? 0);
    read.set(pid, [...looks.slice(-5), lines.length]);
    return since.length === 0 ? undefined : Math.round(Math.min(...since.map(Number)) / 2 ** 20);
  };
}

async function look(
  parts: Parts,
  redis: Redis,
  left: (pid: number) => number | undefined,
  turns: number,
  seconds: number,
): Promise<Sample> {
  const memory = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  const pids = parts.hooks().map((hook) => {
    if (!hook.running) throw new Error(`A replica has ended. The last it said:\n${hook.tail(20)}`);
    return hook.pid;
  });
  return {
    seconds: Math.round(seconds),
    turns,
    rssMb: pids.map(rssMb),
    keptMb: pids.map(left),
    files: pids.map(openFiles),
    redisKeys: await redis.dbsize(),
    redisMb: Math.round(Number(memory) / 2 ** 20),
  };
}

function rssMb(pid: number): number {
  return Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })) / 1024);
}

/** Only Linux tells; elsewhere 0. */
const openFiles = (pid: number): number =>
  existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : 0;

type Figure = (sample: Sample) => number | undefined;

function judged(samples: readonly Sample[]): Pick<SoakReport, 'rssSlope' | 'keptSlope' | 'growth'> {
  const warm = samples.slice(Math.floor(samples.length * warmUp));
  const third = Math.max(1, Math.ceil(warm.length / 3));
  const known = (some: readonly Sample[], of: Figure): number[] => some.flatMap((each) => of(each) ?? []);
  const growth = (of: Figure): number =>
    median(known(warm.slice(-third), of)) - median(known(warm.slice(0, third), of));
  const rise = (of: Figure): number =>
    slope(
      warm.flatMap((each) => {
        const value = of(each);
        return value === undefined ? [] : [[each.seconds / 3600, value] as const];
      }),
    );
  const largest = (each: (at: number) => number): number => Math.max(...[0, 1].map(each));
  return {
    rssSlope: Math.round(largest((at) => rise(({ rssMb: all }) => all[at]))),
    keptSlope: Math.round(largest((at) => rise(({ keptMb }) => keptMb[at]))),
    growth: {
      rssMb: largest((at) => growth(({ rssMb: all }) => all[at])),
      keptMb: largest((at) => growth(({ keptMb }) => keptMb[at])),
      files: largest((at) => growth(({ files }) => files[at])),
      redisKeys: growth(({ redisKeys }) => redisKeys),
    },
  };
}

/** The slope of the line with the least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, each) => sum + each, 0) / list.length;
  const [x, y] = [mean(points.map(([each]) => each)), mean(points.map(([, each]) => each))];
  const above = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  const below = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

function inLine(sample: Sample | undefined): string {
  if (sample === undefined) return '';
  const { seconds, turns, rssMb: rss, keptMb, files, redisKeys, redisMb } = sample;
  const left = keptMb.map((each) => each ?? '?').join(' and ');
  return `${String(seconds).padStart(5)} s  ${String(turns).padStart(6)} turns  RSS ${rss.join(' and ')} MB  left in the heap ${left} MB  open files ${files.join(' and ')}  Redis ${redisKeys} keys, ${redisMb} MB`;
}

/** The samples and what follows from them. */
export function inWords(report: SoakReport): string {
  const { samples, growth } = report;
  const step = Math.max(1, Math.floor(samples.length / 20));
  return [
    ...samples.filter((_, at) => at % step === 0 || at === samples.length - 1).map(inLine),
    `seed ${report.seed}, ${report.minutes} minutes: ${report.perSecond.toFixed(1)} turns/s, ${JSON.stringify(report.endings)}; p50 ${report.p50Ms} ms, p99 ${report.p99Ms} ms`,
    `behind the first third: RSS ${report.rssSlope} MB/h and what collections leave of the heap ${report.keptSlope} MB/h by the line of least squares; between the first and the last third of the rest RSS ${growth.rssMb} MB, heap ${growth.keptMb} MB, open files ${growth.files}, Redis ${growth.redisKeys} keys`,
    `problems: ${report.problems.length}`,
    ...report.problems.slice(0, 10).map((each) => each.slice(0, 1_000)),
    '',
  ].join('\n');
}

/** What may be added between the first and the last third behind the warm-up. */
export const bounds = { rssMb: 40, keptMb: 10, files: 40 };

export const holds = ({ problems, growth }: SoakReport): boolean =>
  problems.length === 0 &&
  growth.rssMb < bounds.rssMb &&
  growth.keptMb < bounds.keptMb &&
  growth.files < bounds.files;
