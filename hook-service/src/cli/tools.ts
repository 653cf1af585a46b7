import type { Command } from 'commander';
import { z } from 'zod';
import {
  askService,
  keyHeaders,
  readAnswer,
  runCommand,
  withKey,
  type Said,
  type ServiceOptions,
} from './service';
import { oneLine, table } from './table';

const server = z.object({
  name: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  tools: z.number(),
});
const list = z.object({
  data: z.array(
    z.object({
      function: z.object({ name: z.string(), description: z.string().default('') }),
      server: z.string(),
      state: z.string(),
      warnings: z.array(z.string()).default([]),
    }),
  ),
  servers: z.array(server),
});

interface ToolsOptions extends ServiceOptions {
  readonly key?: string;
  readonly server?: string;
  readonly json?: true;
  readonly changes?: true;
  readonly accept?: true | readonly string[];
}

/** `toolturn tools`: what a LiteLLM key may use, and which servers are down and why. */
export function addTools(program: Command): void {
  withKey(program.command('tools').description('list the tools that a LiteLLM key may use'))
    .option('--server <names>', 'of these servers only; names or aliases, separated by commas')
    .option('--changes', 'show what differs from the pinned definitions; exit code 1 where something does')
    .option('--accept [names...]', 'accept the changes of these servers or tools (server__tool), or all')
    .option('--json', 'print the answer as JSON')
    .action((options: ToolsOptions) => {
      const { accept, changes } = options;
      return runCommand(() =>
        changes === true || accept !== undefined ? pinnedTools(options) : listTools(options),
      );
    });
}

/** Changes of definitions: an operator's business, so it takes the shared secret and no key. */
async function pinnedTools(options: ToolsOptions): Promise<Said> {
  const { acceptChanges, showChanges } = await import('./tools-changes.js');
  const { accept } = options;
  return accept === undefined ? showChanges(options) : acceptChanges(options, accept === true ? [] : accept);
}

async function listTools(options: ToolsOptions): Promise<string> {
  const chosen = options.server === undefined ? {} : { 'x-mcp-servers': options.server };
  const headers = { ...keyHeaders(options.key, process.env), ...chosen };
  const answer = await askService(options, { path: '/v1/tools', headers });
  const { data, servers } = readAnswer(list, answer);
  if (options.json === true) return JSON.stringify(answer, undefined, 2);
  const rows = data.map((tool) => [tool.function.name, tool.server, tool.state, tool.function.description]);
  const away = servers.filter((each) => each.state !== 'ready');
  const warned = data.flatMap((tool) =>
    tool.warnings.map((text) => `warning: ${oneLine(tool.function.name)}: ${oneLine(text)}`),
  );
  const parts = [
    rows.length === 0 ? 'No tools.' : table(['TOOL', 'SERVER', 'STATE', 'DESCRIPTION'], rows),
    ...(away.length + warned.length === 0 ? [] : ['']),
    ...away.map(
      (each) => `${oneLine(each.name)} is ${each.state}: ${oneLine(each.reason ?? 'no reason is known')}`,
    ),
    ...warned,
  ];
  return parts.join('\n');
}
