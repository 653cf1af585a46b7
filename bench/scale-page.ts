/** The figures of docs/SCALE.md, between two marks; the words around them are people's. */
import { busy, needed, redisBytes, redisOperationsPerSecond, type TurnCosts } from './cost-model';
import { table } from './markdown';
import type { Report } from './run';

const marks = ['<!-- figures: ./scripts/bench --write -->', '<!-- end of figures -->'] as const;
const loads = [10, 1_000, 100_000];

/** The page with new figures; undefined where this run has not measured what they are computed from. */
export function withFigures(page: string, report: Report): string | undefined {
  const costs = turnCosts(report.costs);
  const [from, to] = marks.map((mark) => page.indexOf(mark));
  if (costs === undefined || from === undefined || to === undefined || from < 0 || to < from)
    return undefined;
  return `${page.slice(0, from + marks[0].length)}\n\n${figures(costs, report).join('\n')}\n\n${page.slice(to)}`;
}

/** From the names that rows give their costs. */
function turnCosts(costs: Readonly<Record<string, number>>): TurnCosts | undefined {
  const of = (name: string): number => costs[name] ?? Number.NaN;
  const kinds = Object.keys(costs).flatMap((name) => /^redisBytesPerTurn\.(\w+)$/.exec(name)?.[1] ?? []);
  const found = {
    litellmSeconds: of('cpuSecondsPerTurn.litellm'),
    hookSeconds: of('cpuSecondsPerTurn.hook'),
    redisSeconds: of('cpuSecondsPerTurn.redis'),
    toolSeconds: of('cpuSecondsPerTurn.tools'),
    redisOperations: of('redisOperationsPerTurn'),
    kept: kinds.map((what) => ({
      what,
      bytes: of(`redisBytesPerTurn.${what}`),
      seconds: of(`redisSecondsKept.${what}`),
    })),
  };
  const { kept, ...numbers } = found;
  return kept.length > 0 && Object.values(numbers).every(Number.isFinite) ? found : undefined;
}

const names: Readonly<Record<string, string>> = {
  call: 'outcomes of calls (`outcome_ttl`)',
  turn: 'turns for retries (`retry_window`)',
  ledger: 'hidden rounds (`memory.ttl`)',
  text: 'results that were cut (`outcome_ttl`)',
  cache: 'kept results',
};

function figures(costs: TurnCosts, { at, machine }: Report): string[] {
  const ms = (seconds: number): string => `${(seconds * 1_000).toFixed(1)} ms of CPU`;
  return [
    `Measured ${at.slice(0, 10)} on ${machine.cpu}, commit ${machine.commit}.`,
    '',
    ...table(
      ['one turn with one call', 'costs'],
      [
        ['LiteLLM, two rounds, with the door', ms(costs.litellmSeconds)],
        ['hook-service', ms(costs.hookSeconds)],
        ['the MCP server of the bench', ms(costs.toolSeconds)],
        ['Redis', `${ms(costs.redisSeconds)}, ${costs.redisOperations.toFixed(1)} operations`],
        ...costs.kept.map(({ what, bytes, seconds }) => [
          `Redis: ${names[what] ?? what}`,
          `${Math.round(bytes)} bytes for ${time(seconds)}`,
        ]),
      ],
    ),
    '',
    ...table(
      [
        'turns a minute',
        'LiteLLM workers',
        'hook-services',
        'processes of an MCP server like that',
        'Redis nodes',
        'cores in all',
        'Redis operations/s',
        'kept in Redis',
        'first bottleneck',
      ],
      loads.map((load) => {
        const need = needed(costs, load);
        return [
          load.toLocaleString('en'),
          `${need.litellmWorkers}`,
          `${need.replicas}`,
          `${need.toolServers}`,
          `${need.redisNodes}`,
          need.cores < 1 ? 'less than 1' : `${Math.ceil(need.cores)}`,
          `${Math.ceil(need.redisOperationsPerSecond).toLocaleString('en')}`,
          size(need.redisBytes),
          need.bottleneck,
        ];
      }),
    ),
    '',
    `Each part is given work for ${busy * 100} % of its time; a Redis node ${size(redisBytes)} and ${redisOperationsPerSecond.toLocaleString('en')} operations a second.`,
  ];
}

function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const number = bytes / 1024 ** step;
  return `${number.toFixed(number < 10 && step > 0 ? 1 : 0)} ${units[step]}`;
}

function time(seconds: number): string {
  const [days, hours] = [seconds / 86_400, seconds / 3_600];
  if (days >= 1) return `${Math.round(days)} days`;
  return hours > 0.9 ? `${Math.round(hours)} h` : `${Math.round(seconds / 60)} minutes`;
}
