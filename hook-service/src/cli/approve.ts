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

const question = z.looseObject({
  code: z.string(),
  asked_at: z.string(),
  expires_at: z.string(),
  state: z.string(),
  key_alias: z.string().optional(),
  user: z.string().optional(),
  calls: z.array(z.looseObject({ server: z.string(), tool: z.string(), arguments: z.string() })),
});
const listed = z.object({ approvals: z.array(question) });
const decided = z.object({ state: z.string(), question });
type Question = z.infer<typeof question>;

interface Options extends ServiceOptions {
  readonly decline?: true;
  readonly reason?: string;
  readonly as?: string;
  readonly json?: true;
}

const headings = ['code', 'state', 'until', 'who', 'tool', 'arguments'];
const longestArguments = 80;

/** `toolturn approve`: calls that wait for a person, and what to do with them. */
export function addApprove(program: Command): void {
  withService(
    program
      .command('approve')
      .description(
        'Approves calls that wait for a person, by the code of their question; without a code lists them. They run when their conversation goes on. Needs TOOLTURN_SECRET.',
      )
      .argument('[code]', 'the code of the question')
      .option('--decline', 'declines them instead')
      .option('--reason <text>', 'words for the model')
      .option('--as <name>', 'who decides, for the audit trail', process.env['USER'])
      .option('--json', 'print JSON'),
  ).action((code: string | undefined, options: Options) => runCommand(() => run(code, options)));
}

async function run(code: string | undefined, options: Options): Promise<string> {
  const { decline, reason, as, json } = options;
  if (code === undefined) {
    if (decline === true || reason !== undefined)
      throw new CommandFailure('Name the code of the question.', exitCodes.usage);
    const { approvals } = readAnswer(listed, await askAsOperator(options, '/approvals'));
    if (json === true) return JSON.stringify(approvals);
    if (approvals.length === 0) return 'No calls wait for approval.';
    return table(headings, approvals.flatMap(rows));
  }
  const body = {
    decision: decline === true ? 'decline' : 'approve',
    via: 'cli',
    ...(reason === undefined ? {} : { reason }),
    ...(as === undefined ? {} : { by: as.slice(0, 64) }),
  };
  const path = `/approvals/${encodeURIComponent(code)}`;
  const answer = readAnswer(decided, await askAsOperator(options, path, body));
  if (json === true) return JSON.stringify(answer);
  const tools = answer.question.calls.map(({ server, tool }) => oneLine(`${server}.${tool}`)).join(', ');
  return answer.state === 'approved'
    ? `Approved: ${tools}. It runs when the conversation goes on.`
    : `Declined: ${tools}.`;
}

function rows({ code, state, expires_at: until, key_alias: key, user, calls }: Question): string[][] {
  return calls.map(({ server, tool, arguments: written }, index) => [
    ...(index === 0 ? [code, state, until, oneLine(user ?? key ?? '')] : ['', '', '', '']),
    oneLine(`${server}.${tool}`),
    oneLine(written).slice(0, longestArguments),
  ]);
}
