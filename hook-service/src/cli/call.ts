import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { z } from 'zod';
import {
  askService,
  CommandFailure,
  exitCodes,
  keyHeaders,
  readAnswer,
  runCommand,
  withKey,
  type ServiceOptions,
} from './service';
import { plain } from './table';

const part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  mimeType: z.string().optional(),
  data: z.string().optional(),
  uri: z.string().optional(),
});
const result = z.object({ is_error: z.boolean(), content: z.array(part) });

interface CallOptions extends ServiceOptions {
  readonly key?: string;
  readonly json?: true;
}

/** `toolturn call`: runs one tool as a turn would, and exits with 1 where the tool failed. */
export function addCall(program: Command): void {
  withKey(program.command('call').description('run one tool'))
    .argument('<tool>', 'its name, as "toolturn tools" shows it')
    .argument('[arguments]', 'JSON, @file, or - for stdin', '{}')
    .option('--json', 'print the answer as JSON')
    .action((tool: string, given: string, options: CallOptions) =>
      runCommand(() => callTool(tool, given, options)),
    );
}

async function callTool(tool: string, given: string, options: CallOptions): Promise<string> {
  const headers = keyHeaders(options.key, process.env);
  const body = { arguments: await readArguments(given) };
  const answer = await askService(options, { path: `/v1/tools/${encodeURIComponent(tool)}`, headers, body });
  const { is_error: isError, content } = readAnswer(result, answer);
  if (isError) process.exitCode = exitCodes.found;
  if (options.json === true) return JSON.stringify(answer, undefined, 2);
  const text = content.map(shown).join('\n');
  // A pipe gets what the tool wrote; a terminal only what cannot take it over.
  const safe = process.stdout.isTTY ? plain(text) : text;
  if (!isError) return safe;
  process.stderr.write(`toolturn: the tool failed: ${plain(text)}\n`);
  return '';
}

/** Arguments from the command line, a file or stdin: a JSON object. */
async function readArguments(given: string): Promise<object> {
  let text = given;
  try {
    if (given === '-') text = await readStream(process.stdin);
    else if (given.startsWith('@')) text = await readFile(given.slice(1), 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it failed';
    throw new CommandFailure(`The arguments cannot be read from ${given}: ${code}`, exitCodes.usage);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`The arguments are not valid JSON: ${reason}`, exitCodes.usage);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new CommandFailure(
    'The arguments must be a JSON object, such as {"path": "a.txt"}.',
    exitCodes.usage,
  );
}

function shown({ type, text, mimeType, data, uri }: z.infer<typeof part>): string {
  if (text !== undefined) return text;
  if (data !== undefined)
    return `[${type} ${mimeType ?? ''}, ${Buffer.from(data, 'base64').length} bytes; --json has it]`;
  return `[${type}${uri === undefined ? '' : ` ${uri}`}]`;
}
