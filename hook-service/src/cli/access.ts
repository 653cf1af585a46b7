import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  askService,
  CommandFailure,
  exitCodes,
  readAnswer,
  runCommand,
  withService,
  type ServiceOptions,
} from './service';
import { oneLine, table } from './table';

const list = z.object({
  servers: z.array(z.object({ name: z.string(), state: z.string(), tools: z.number() })),
});

interface AccessOptions extends ServiceOptions {
  readonly keys: string;
  readonly json?: true;
}

/** What one key may use, by server; undefined where hook-service or LiteLLM refuses the key. */
interface Row {
  readonly name: string;
  readonly servers?: Readonly<Record<string, { readonly tools: number; readonly state: string }>>;
  readonly refused?: string;
}

/** Keys asked at the same time. */
const together = 4;

/** `toolturn access`: which key may use which server, as a turn would decide it, LiteLLM's own grants included. */
export function addAccess(program: Command): void {
  withService(program.command('access').description('show which LiteLLM key may use which MCP server'))
    .requiredOption('--keys <file>', 'lines of "<name> <key>"; - for standard input')
    .option('--json', 'print the answer as JSON')
    .action((options: AccessOptions) => runCommand(() => access(options)));
}

async function access(options: AccessOptions): Promise<string> {
  const keys = readKeys(options.keys);
  const rows: Row[] = [];
  for (let from = 0; from < keys.length; from += together) {
    const some = keys.slice(from, from + together);
    rows.push(...(await Promise.all(some.map(({ name, key }) => rowOf(options, name, key)))));
  }
  return options.json === true ? JSON.stringify(rows, undefined, 2) : matrix(rows);
}

async function rowOf(options: AccessOptions, name: string, key: string): Promise<Row> {
  const headers = { authorization: `Bearer ${key}` };
  try {
    const answer = await askService(options, { path: '/v1/tools', headers });
    const { servers } = readAnswer(list, answer);
    return { name, servers: Object.fromEntries(servers.map(({ name: each, ...rest }) => [each, rest])) };
  } catch (error) {
    // One key that is not known does not hide the others; a service that is away does.
    if (error instanceof CommandFailure && error.status === 401) return { name, refused: error.message };
    throw error;
  }
}

/** Keys are secrets, so they come from a file and never stand on a command line, where others of the machine see them. */
function readKeys(file: string): { name: string; key: string }[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch {
    throw new CommandFailure(`${file} cannot be read.`, exitCodes.usage);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const keys = lines.map((line, index) => {
    const [name, key, more] = line.trim().split(/\s+/);
    if (name === undefined || key === undefined || more !== undefined)
      throw new CommandFailure(`Line ${index + 1} of the keys is not "<name> <key>".`, exitCodes.usage);
    return { name, key };
  });
  if (keys.length > 0) return keys;
  throw new CommandFailure('There are no keys in the file: write lines of "<name> <key>".', exitCodes.usage);
}

/** A line for each key, a column for each server: how many tools, or `-` where it may use none of it. */
function matrix(rows: readonly Row[]): string {
  const states = new Map<string, string>();
  for (const row of rows)
    for (const [name, { state }] of Object.entries(row.servers ?? {})) states.set(name, state);
  const names = [...states.keys()].sort();
  const lines = rows.map((row) => [
    row.name,
    ...names.map((name) => (row.refused === undefined ? `${row.servers?.[name]?.tools ?? '-'}` : '')),
    row.refused === undefined ? '' : oneLine(row.refused),
  ]);
  const headings = ['KEY', ...names.map((name) => headingOf(name, states.get(name))), ''];
  return table(headings, lines);
}

const headingOf = (name: string, state: string | undefined): string =>
  state === 'ready' ? oneLine(name) : `${oneLine(name)} (${state ?? 'unknown'})`;
