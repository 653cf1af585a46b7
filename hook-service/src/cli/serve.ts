import type { Command } from 'commander';
import { ToolturnError } from '../core/errors';
import type { Running } from '../serve';
import { keepHeapSmall } from './heap';

interface Flags {
  readonly config: string;
  readonly envFile: readonly string[];
}

/**
 * `toolturn serve`: runs hook-service until SIGTERM or SIGINT, then ends with exit code 0; 1 where it cannot start.
 * SIGHUP reads the configuration anew.
 */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run hook-service beside LiteLLM')
    .option('--config <file>', "LiteLLM's config.yaml", process.env['TOOLTURN_CONFIG'] ?? 'config.yaml')
    .option(
      '--env-file <file>',
      'a file of NAME=value for what is not in the environment; may be given several times',
      (file: string, before: readonly string[]) => [...before, file],
      [] as readonly string[],
    )
    .action(async ({ config, envFile }: Flags) => {
      keepHeapSmall();
      let running: Running | undefined;
      let isAsked = false;
      // A signal that came before there is anything to reload would end the process.
      process.on('SIGHUP', () => {
        isAsked = true;
        void running?.reload();
      });
      try {
        // Loaded here: the other commands start without what a server needs.
        const { serve } = await import('../serve.js');
        const envFiles = envFile.length > 0 ? envFile : listed(process.env['TOOLTURN_ENV_FILES']);
        running = await serve({ configPath: config, envFiles, env: process.env });
      } catch (error) {
        process.stderr.write(`toolturn: ${error instanceof ToolturnError ? error.message : String(error)}\n`);
        process.exit(1);
      }
      const started = running;
      if (isAsked) void started.reload();
      const stop = (): void => {
        started.stop().then(
          () => process.exit(0),
          (error: unknown) => {
            process.stderr.write(`toolturn: the stop failed: ${String(error)}\n`);
            process.exit(1);
          },
        );
      };
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
    });
}

/** Names of files with commas between them. */
function listed(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((file) => file.trim() || []);
}
