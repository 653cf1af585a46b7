import type { Command } from 'commander';
import { z } from 'zod';
import {
  askAsOperator,
  CommandFailure,
  readAnswer,
  runCommand,
  withService,
  type ServiceOptions,
} from './service';
import { dollars, oneLine, table } from './table';
import { waterfallText, type Step } from './trace-waterfall';

const tokens = z.object({ input: z.number(), output: z.number(), cached: z.number() });

const record = z.object({
  turn: z.string(),
  call_id: z.string().optional(),
  conversation: z.string().optional(),
  key: z.string().optional(),
  model: z.string().optional(),
  dialect: z.string(),
  stream: z.boolean(),
  rounds: z.number(),
  calls: z.array(
    z.object({
      round: z.number(),
      tool: z.string(),
      server: z.string().optional(),
      at_ms: z.number().optional(),
      ms: z.number(),
      wait_ms: z.number().optional(),
      failure: z.string().optional(),
      cached: z.boolean().optional(),
      replayed: z.boolean().optional(),
      cut: z.boolean().optional(),
      cost_usd: z.number().optional(),
    }),
  ),
  /** The rounds one by one. */
  steps: z
    .array(
      z.object({
        round: z.number(),
        at_ms: z.number(),
        ms: z.number().optional(),
        ours: z.number(),
        theirs: z.number(),
        tokens: tokens.optional(),
        cost_usd: z.number().optional(),
      }),
    )
    .optional(),
  ms: z.number(),
  end: z.string(),
  error: z.string().optional(),
  tokens: tokens.optional(),
  cost_usd: z.number().optional(),
  cost_tools_usd: z.number().optional(),
});
type Record = z.infer<typeof record>;

const list = z.object({ turns: z.array(z.object({ turn: z.string() })) });

interface TraceOptions extends ServiceOptions {
  readonly json?: true;
}

/** `toolturn trace`: what happened in a turn, or in the turns of a conversation; names, numbers and times, no text of anybody. */
export function addTrace(program: Command): void {
  withService(program.command('trace').description('show what happened in a turn; needs TOOLTURN_SECRET'))
    .argument(
      '<turn>',
      "the turn's id, LiteLLM's id of the request (x-litellm-call-id), or a conversation's id",
    )
    .option('--json', 'print the answer as JSON')
    .action((turn: string, options: TraceOptions) => runCommand(() => trace(turn, options)));
}

async function trace(id: string, options: TraceOptions): Promise<string> {
  const answers = await answersOf(id, options);
  const found = answers.map((answer) => readAnswer(record, answer));
  if (options.json === true) return JSON.stringify(answers.length === 1 ? answers[0] : answers, undefined, 2);
  return [...found.map(turnText), ...(found.length === 1 ? [] : [sumText(found)])].join('\n\n');
}

/** The turn of this id; where there is none, the turns of the conversation of this id, oldest first. */
async function answersOf(id: string, options: TraceOptions): Promise<readonly unknown[]> {
  const turn = (of: string) => askAsOperator(options, `/turns/${encodeURIComponent(of)}`);
  try {
    return [await turn(id)];
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.status !== 404) throw error;
    const path = `/turns?conversation=${encodeURIComponent(id)}`;
    const known = await askAsOperator(options, path).then(
      (answer) => readAnswer(list, answer).turns,
      () => [],
    );
    if (known.length === 0) throw error;
    return Promise.all(known.reverse().map((each) => turn(each.turn)));
  }
}

/** What the turns of a conversation came to together. */
function sumText(turns: readonly Record[]): string {
  const sum = (of: (turn: Record) => number | undefined): number =>
    turns.reduce((total, turn) => total + (of(turn) ?? 0), 0);
  const all = { cost_usd: sum((turn) => turn.cost_usd), cost_tools_usd: sum((turn) => turn.cost_tools_usd) };
  return [
    `all      ${count(turns.length, 'turn')}: ${count(
      sum(({ rounds }) => rounds),
      'round',
    )}, ${count(
      sum(({ calls }) => calls.length),
      'call',
    )}`,
    `${sum(({ tokens: used }) => used?.input)} tokens in, ${sum(({ tokens: used }) => used?.output)} out`,
    ...costText(all),
  ].join(', ');
}

/** Empty where nothing has a price. */
function costText({
  cost_usd: models = 0,
  cost_tools_usd: tools = 0,
}: Pick<Record, 'cost_usd' | 'cost_tools_usd'>): string[] {
  if (models + tools === 0) return [];
  if (tools === 0) return [dollars(models)];
  return [`${dollars(models + tools)} (models ${dollars(models)}, tools ${dollars(tools)})`];
}

function turnText(found: Record): string {
  const { rounds, calls, steps } = found;
  const spent = [
    ...(found.tokens === undefined ? [] : [`${found.tokens.input} tokens in, ${found.tokens.output} out`]),
    ...costText(found),
  ];
  const who = [found.model, found.key].flatMap((each) => (each === undefined ? [] : oneLine(each)));
  const head = [
    `turn     ${found.turn}${found.call_id === undefined ? '' : ` (request ${oneLine(found.call_id)})`}`,
    ...(found.conversation === undefined ? [] : [`of       ${oneLine(found.conversation)}`]),
    `dialect  ${[`${found.dialect}${found.stream ? ', streaming' : ''}`, ...who].join(', ')}`,
    `end      ${found.end} after ${found.ms} ms: ${count(rounds, 'round')}, ${count(calls.length, 'call')}`,
    ...(spent.length === 0 ? [] : [`spent    ${spent.join(', ')}`]),
    ...(found.error === undefined ? [] : [`error    ${oneLine(found.error)}`]),
  ];
  if (steps !== undefined && steps.length > 0)
    return [...head, '', waterfallText(stepsOf(found, steps), found.ms)].join('\n');
  if (calls.length === 0) return head.join('\n');
  const rows = calls.map((call) => [
    `${call.round}`,
    call.tool,
    call.server ?? '-',
    `${call.ms}`,
    call.failure ?? 'ok',
  ]);
  return [...head, '', table(['ROUND', 'TOOL', 'SERVER', 'MS', 'OUTCOME'], rows)].join('\n');
}

/** Each round, and behind it its calls. */
function stepsOf({ calls, ms: whole }: Record, rounds: NonNullable<Record['steps']>): readonly Step[] {
  return rounds.flatMap(
    ({ round, at_ms: from, ms = Math.max(0, whole - from), ours, theirs, tokens: used, cost_usd: cost }) => {
      const notes = [
        ...(ours > 0 ? [count(ours, 'call')] : []),
        ...(theirs > 0 ? [`${count(theirs, 'call')} of the client's`] : []),
        ...(used === undefined ? [] : [`${used.input} > ${used.output} tokens`]),
        ...(cost ? [dollars(cost)] : []),
      ];
      const own = calls
        .filter((call) => call.round === round)
        .map((call): Step => ({
          name: call.tool,
          from: call.at_ms ?? from + ms,
          ms: call.ms,
          waited: call.wait_ms ?? 0,
          kind: 'call',
          failed: call.failure !== undefined,
          note: [
            call.server ?? '-',
            ...(call.failure === undefined ? [] : [call.failure]),
            ...(call.cached === true ? ['kept result'] : []),
            ...(call.replayed === true ? ['made before'] : []),
            ...(call.cut === true ? ['cut for the model'] : []),
            ...(call.cost_usd ? [dollars(call.cost_usd)] : []),
          ].join(', '),
        }));
      const name = `round ${round}`;
      return [
        { name, from, ms, waited: 0, kind: 'round', failed: false, note: notes.join(', ') } as const,
        ...own,
      ];
    },
  );
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
