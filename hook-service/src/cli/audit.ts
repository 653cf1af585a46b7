import type { Command } from 'commander';
import { z } from 'zod';
import {
  askAsOperator,
  CommandFailure,
  exitCodes,
  readAnswer,
  runCommand,
  withService,
  type ServiceOptions,
} from './service';
import { oneLine, table } from './table';

const entry = z.looseObject({
  time: z.string(),
  lost: z.number().optional(),
  decision: z.string().optional(),
  outcome: z.string().optional(),
  ms: z.number().optional(),
  key_alias: z.string().optional(),
  user: z.string().optional(),
  server: z.string().optional(),
  tool: z.string().optional(),
  turn: z.string().optional(),
  arguments_hash: z.string().optional(),
});
const answer = z.object({ entries: z.array(entry) });
type Entry = z.infer<typeof entry>;

interface Options extends ServiceOptions {
  readonly since?: string;
  readonly key?: string;
  readonly tool?: string;
  readonly decision?: string;
  readonly limit: string;
  readonly json?: true;
}

const headings = ['time', 'who', 'tool', 'decision', 'outcome', 'ms', 'arguments', 'turn'];
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `2h`, `7d`, or a date: milliseconds since 1970. Throws `CommandFailure`. */
function sinceOf(text: string, now = Date.now()): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return Math.max(0, now - Number(number) * (units[unit ?? ''] ?? 0));
  const date = Date.parse(text);
  if (Number.isNaN(date) || date < 0)
    throw new CommandFailure('--since is a time such as 30m, 2h, 7d or 2026-11-21T08:00Z.', exitCodes.usage);
  return date;
}

/** `toolturn audit`: who called which tool, and what came of it. */
export function addAudit(program: Command): void {
  withService(
    program
      .command('audit')
      .description('Shows the audit trail of tool calls, newest first. Needs TOOLTURN_SECRET.')
      .option('--since <time>', 'no older ones: 30m, 2h, 7d, or a date')
      .option('--key <name>', 'of this key alias, user, team or scope')
      .option('--tool <name>', 'of this tool, or of all tools of this server')
      .option(
        '--decision <decision>',
        'allowed, denied, limited, not_run, asked, approved, declined or expired',
      )
      .option('--limit <number>', 'at most so many, up to 10000', '100')
      .option('--json', 'print one JSON object per line'),
  ).action((options: Options) => runCommand(() => run(options)));
}

async function run(options: Options): Promise<string> {
  const { since, key, tool, decision, limit } = options;
  const query = new URLSearchParams({
    limit,
    ...(since === undefined ? {} : { since: `${sinceOf(since)}` }),
    ...(key === undefined ? {} : { who: key }),
    ...(tool === undefined ? {} : { tool }),
    ...(decision === undefined ? {} : { decision }),
  });
  const { entries } = readAnswer(answer, await askAsOperator(options, `/audit?${query.toString()}`));
  if (options.json === true) return entries.map((each) => JSON.stringify(each)).join('\n');
  if (entries.length === 0) return 'No calls.';
  return table(headings, entries.map(row));
}

function row(each: Entry): string[] {
  if (each.lost !== undefined) return [each.time, '', `${each.lost} entries were lost`, '', '', '', '', ''];
  const {
    time,
    key_alias: key,
    user,
    server,
    tool = '',
    decision,
    outcome,
    ms,
    arguments_hash: hash,
    turn,
  } = each;
  const named = server === undefined || tool.startsWith(server) ? tool : `${server}: ${tool}`;
  return [
    time,
    oneLine(key ?? user ?? ''),
    oneLine(named),
    decision ?? '',
    outcome ?? '',
    String(ms ?? ''),
    hash?.slice(0, 12) ?? '',
    turn ?? '',
  ];
}
