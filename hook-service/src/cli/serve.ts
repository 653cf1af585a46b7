import type { Command } from 'commander';
import { ToolturnError } from '../core/errors';
import type { Running } from '../serve';

/** `toolturn serve`: runs hook-service until SIGTERM or SIGINT, then ends with exit code 0; 1 where it cannot start. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run hook-service beside LiteLLM')
    .option('--config <file>', "LiteLLM's config.yaml", process.env['TOOLTURN_CONFIG'] ?? 'config.yaml')
    .action(async ({ config }: { config: string }) => {
      let running: Running;
      try {
        // Loaded here: the other commands start without what a server needs.
        const { readEnvironment } = await import('../config/environment.js');
        const { serve } = await import('../serve.js');
        running = await serve(readEnvironment(process.env), config);
      } catch (error) {
        process.stderr.write(`toolturn: ${error instanceof ToolturnError ? error.message : String(error)}\n`);
        process.exit(1);
      }
      const stop = (): void => {
        running.stop().then(
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
