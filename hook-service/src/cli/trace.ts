import type { Command } from 'commander';
import { z } from 'zod';
import {
  askService,
  readAnswer,
  runCommand,
  secretHeaders,
  withService,
  type ServiceOptions,
} from './service';
import { oneLine, table } from './table';

const record = z.object({
  turn: z.string(),
  call_id: z.string().optional(),
  dialect: z.string(),
  stream: z.boolean(),
  rounds: z.number(),
  calls: z.array(
    z.object({
      round: z.number(),
      tool: z.string(),
      server: z.string().optional(),
      ms: z.number(),
      failure: z.string().optional(),
    }),
  ),
  ms: z.number(),
  end: z.string(),
  error: z.string().optional(),
});

interface TraceOptions extends ServiceOptions {
  readonly json?: true;
}

/** `toolturn trace`: what happened in one of the last turns; names, numbers and times, no text of anybody. */
export function addTrace(program: Command): void {
  withService(program.command('trace').description('show what happened in a turn; needs TOOLTURN_SECRET'))
    .argument('<turn>', "the turn's id, or LiteLLM's id of the request (x-litellm-call-id)")
    .option('--json', 'print the answer as JSON')
    .action((turn: string, options: TraceOptions) => runCommand(() => trace(turn, options)));
}

async function trace(turn: string, options: TraceOptions): Promise<string> {
  const path = `/turns/${encodeURIComponent(turn)}`;
  const answer = await askService(options, { path, headers: secretHeaders(process.env) });
  const found = readAnswer(record, answer);
  if (options.json === true) return JSON.stringify(answer, undefined, 2);
  const { rounds, calls } = found;
  const head = [
    `turn     ${found.turn}${found.call_id === undefined ? '' : ` (request ${oneLine(found.call_id)})`}`,
    `dialect  ${found.dialect}${found.stream ? ', streaming' : ''}`,
    `end      ${found.end} after ${found.ms} ms: ${count(rounds, 'round')}, ${count(calls.length, 'call')}`,
    ...(found.error === undefined ? [] : [`error    ${oneLine(found.error)}`]),
  ];
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

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
