import { figure, type Figure } from '../figures';
import type { Subject } from '../load/job';
import { cpuSeconds } from '../parts/cpu';
import type { Stack } from '../parts/lab';
import { ofTurns, watched } from '../parts/redis-watch';
import type { Unit } from '../figures';
import { medianOf, ratioOfMedians, type Rounds } from '../stats';
import { medianWithSpan, warmed, type Context, type Row } from './row';

const layouts = [
  { name: '1 LiteLLM worker, 1 replica', workers: 1, replicas: 1 },
  { name: '2 LiteLLM workers, 1 replica', workers: 2, replicas: 1 },
  { name: '2 LiteLLM workers, 2 replicas', workers: 2, replicas: 2 },
] as const;
const clients = 16;

interface Measured {
  readonly name: string;
  readonly stack: Stack;
  readonly subject: Subject;
  readonly perSecond: number[][];
  readonly perCore: number[][];
  operations: number;
}

/** Whether twice as many parts do twice as much for the same CPU. */
export const scale: Row = {
  name: 'scale',
  title: 'Scale: one-tool turns with more workers and replicas',
  async run(context) {
    const { lab } = context;
    const measured: Measured[] = [];
    for (const { name, ...layout } of layouts) {
      const stack = await lab.stack(layout);
      const urls = [stack.proxy.url];
      const subject: Subject = { name, driver: 'chat', urls, key: lab.key, kind: 'tool' };
      measured.push({ name, stack, subject, perSecond: [], perCore: [], operations: Number.NaN });
    }
    await run(context, measured);
    for (const each of measured) {
      const requests = context.many(200);
      const { commands } = await watched(each.stack.redis.url, () =>
        lab.load.block({ subject: each.subject, clients: 4, requests }),
      );
      each.operations = commands.filter(ofTurns).length / requests;
      await lab.stop(each.stack.proxy, ...each.stack.hooks, each.stack.redis);
    }
    context.costs['redisOperationsPerTurn'] = measured.at(-1)?.operations ?? Number.NaN;
    const [one, ...more] = measured;
    if (one === undefined) throw new Error('There is no layout.');
    return {
      figures: [
        ...measured.map((each) => alone('turns/s, 16 clients', each.name, each.perSecond, 'per second')),
        ...more.map((each) => against('turns/s', each, one, 'perSecond')),
        ...measured.map((each) =>
          alone('turns per CPU second of the stack', each.name, each.perCore, 'operations'),
        ),
        ...more.map((each) => against('turns per CPU second of the stack', each, one, 'perCore', 0.9)),
        ...measured.map((each) =>
          alone('Redis operations per turn', each.name, [[each.operations]], 'operations'),
        ),
      ],
      notes: [
        'The stack is LiteLLM, hook-service and Redis; the load, the provider, the MCP server and the balancer before two replicas run on the same machine and are not counted. So turns/s end where the machine does, and turns per CPU second say what a further core would bring.',
        'Near linear means: 0.90 of the turns per CPU second of the smallest layout.',
        'Redis operations are commands on keys of turns, counted with MONITOR; heartbeats, metrics and the audit trail go by time and in batches.',
      ],
    };
  },
};

async function run({ lab, many, seconds }: Context, measured: readonly Measured[]): Promise<void> {
  for (const { subject } of measured) await warmed({ lab }, subject, clients);
  let turned = measured;
  for (let block = 0; block < many(14); block += 1) {
    turned = [...turned].reverse();
    for (const { stack, subject, perSecond, perCore } of turned) {
      const used = (): number =>
        [stack.proxy, ...stack.hooks, stack.redis].reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
      const before = used();
      const done = await lab.load.block({ subject, clients, seconds: seconds(4) });
      perCore.push([done.requests / (used() - before)]);
      perSecond.push([done.requests / done.seconds]);
    }
  }
}

const alone = (what: string, subject: string, rounds: Rounds, unit: Unit): Figure =>
  figure({ what, subject, unit, ...medianOf(rounds), of: [medianWithSpan(subject, rounds, unit)] });

const against = (
  what: string,
  one: Measured,
  other: Measured,
  field: 'perSecond' | 'perCore',
  least?: number,
): Figure =>
  figure({
    what,
    subject: one.name,
    against: other.name,
    unit: 'ratio',
    ...ratioOfMedians(one[field], other[field]),
    of: [],
    ...(least === undefined ? {} : { reach: { least } }),
  });
