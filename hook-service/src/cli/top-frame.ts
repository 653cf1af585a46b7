import { z } from 'zod';
import { readAnswer } from './service';
import { dollars, oneLine, table } from './table';

const health = z.object({
  status: z.string(),
  turns_in_flight: z.number(),
  parts: z.record(
    z.string(),
    z.object({
      state: z.string(),
      reason: z.string().optional(),
      since: z.string().optional(),
      tools: z.number().optional(),
    }),
  ),
});

const turn = z.object({
  turn: z.string(),
  conversation: z.string().optional(),
  key: z.string().optional(),
  model: z.string(),
  started_at: z.number(),
  ms: z.number(),
  end: z.string(),
  rounds: z.number(),
  calls: z.number(),
  failed_calls: z.number(),
  tokens: z.object({ input: z.number(), output: z.number() }),
  cost_usd: z.number(),
  cost_tools_usd: z.number(),
});

const tool = z.object({
  tool: z.string(),
  server: z.string().optional(),
  calls: z.number(),
  running: z.number(),
  errors: z.number(),
  p50_ms: z.number(),
  p95_ms: z.number(),
  cost_usd: z.number(),
});

const turns = z.object({ turns: z.array(turn), tools: z.array(tool) });

/** What hook-service says of itself at one moment. */
export interface Frame {
  readonly health: z.infer<typeof health>;
  readonly turns: readonly z.infer<typeof turn>[];
  readonly tools: readonly z.infer<typeof tool>[];
}

/** Reads the answers at `/health/ready` and `/turns?tools=true`. Throws `CommandFailure` for what is not understood. */
export function readFrame(healthAnswer: unknown, turnsAnswer: unknown): Frame {
  return { health: readAnswer(health, healthAnswer), ...readAnswer(turns, turnsAnswer) };
}

export const sortings = ['calls', 'errors', 'p95', 'cost'] as const;
export type Sorting = (typeof sortings)[number];

const sortedBy: Readonly<Record<Sorting, (tool: Frame['tools'][number]) => number>> = {
  calls: ({ calls }) => calls,
  errors: ({ errors }) => errors,
  p95: ({ p95_ms: p95 }) => p95,
  cost: ({ cost_usd: cost }) => cost,
};

/** Ended turns and tools that are shown. */
const [mostTurns, mostTools] = [8, 12];

/** One screen: how everything is, the servers, turns in work and the last ones, and the tools. */
export function frameText(frame: Frame, url: string, sorting: Sorting, now: Date): string {
  const { health: state, turns: all, tools } = frame;
  const running = all.filter(({ end }) => end === 'running');
  const over = all.filter(({ end }) => end !== 'running').slice(0, mostTurns);
  const servers = Object.entries(state.parts).filter(([name]) => name.startsWith('mcp:'));
  const parts = Object.entries(state.parts)
    .filter(([name]) => !name.startsWith('mcp:'))
    .map(([name, { state: how }]) => `${oneLine(name)} ${how}`);
  const by = sortedBy[sorting];
  const sorted = [...tools].sort((one, other) => by(other) - by(one));
  const more = tools.length > mostTools ? [`and ${tools.length - mostTools} more tools`] : [];
  return [
    `${oneLine(url)} is ${state.status} at ${now.toTimeString().slice(0, 8)}: ${parts.join(', ')}`,
    `${state.turns_in_flight} in work; of the last ${all.length} turns: ${sums(all)}`,
    ...section(
      ['SERVER', 'STATE', 'TOOLS', 'REASON'],
      servers.map(([name, server]) => [
        name.slice('mcp:'.length),
        server.state,
        server.tools === undefined ? '-' : `${server.tools}`,
        server.reason ?? '',
      ]),
      'No servers.',
    ),
    ...section(
      ['TURN', 'KEY', 'MODEL', 'ROUNDS', 'CALLS', 'FAILED', 'TOKENS', 'COST', 'MS', 'END'],
      [...running, ...over].map(turnRow),
      'No turn yet.',
    ),
    ...section(
      ['TOOL', 'SERVER', 'CALLS', 'RUNNING', 'ERRORS', 'P50 MS', 'P95 MS', 'COST'],
      sorted.slice(0, mostTools).map(toolRow),
      'No call yet.',
    ),
    ...more,
  ].join('\n');
}

function section(headings: readonly string[], rows: readonly (readonly string[])[], none: string): string[] {
  return ['', rows.length === 0 ? none : table(headings, rows)];
}

function turnRow(each: Frame['turns'][number]): string[] {
  return [
    each.turn.slice(0, 8),
    each.key ?? '-',
    each.model,
    `${each.rounds}`,
    `${each.calls}`,
    `${each.failed_calls}`,
    `${each.tokens.input + each.tokens.output}`,
    dollars(each.cost_usd + each.cost_tools_usd),
    `${each.ms}`,
    each.end,
  ];
}

function toolRow(each: Frame['tools'][number]): string[] {
  const { calls, running, errors, p50_ms: p50, p95_ms: p95, cost_usd: cost } = each;
  const numbers = [calls, running, errors, p50, p95].map((number) => `${number}`);
  return [each.tool, each.server ?? '-', ...numbers, dollars(cost)];
}

function sums(all: Frame['turns']): string {
  const sum = (of: (each: Frame['turns'][number]) => number): number =>
    all.reduce((total, each) => total + of(each), 0);
  const bad = all.filter(({ end }) => end === 'error' || end === 'gone' || end.startsWith('limit_')).length;
  return [
    `${sum(({ calls }) => calls)} calls`,
    `${sum(({ failed_calls: failed }) => failed)} of them failed`,
    `${bad} turns without a proper end`,
    `${sum(({ tokens }) => tokens.input + tokens.output)} tokens`,
    dollars(sum((each) => each.cost_usd + each.cost_tools_usd)),
  ].join(', ');
}
