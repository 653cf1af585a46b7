import type { Command } from 'commander';
import { ToolturnError } from '../core/errors';
import { adminConnection } from './admin-client';
import { acceptChanges, showChanges } from './tools-changes';

interface ToolsOptions {
  readonly changes?: true;
  readonly accept?: true | readonly string[];
  readonly json?: boolean;
  readonly url?: string;
}

/** `toolturn tools`: changes of tool definitions. Exit code 2 where hook-service cannot be asked. */
export function addTools(program: Command): void {
  program
    .command('tools')
    .description('changes of tool definitions')
    .option('--changes', 'show what differs from the pinned definitions; exit code 1 where something does')
    .option('--accept [names...]', 'accept the changes of these servers or tools (server__tool), or all')
    .option('--url <address>', 'of hook-service (default: TOOLTURN_URL, or TOOLTURN_PORT on this machine)')
    .option('--json', 'for programs')
    .action(async ({ accept, json = false, url }: ToolsOptions) => {
      try {
        const connection = adminConnection(url, process.env);
        process.exitCode =
          accept === undefined
            ? await showChanges(connection, { json }, process.stdout)
            : await acceptChanges(connection, accept === true ? [] : accept, { json }, process.stdout);
      } catch (error) {
        process.stderr.write(`toolturn: ${error instanceof ToolturnError ? error.message : String(error)}\n`);
        process.exitCode = 2;
      }
    });
}
