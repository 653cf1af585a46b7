/** How every script ends: a sentence for the operator, or the stack trace of a defect of ours. */
import { messageOf, StartError } from './errors';

/** Runs `main` with the command line; its number is the exit code. A `StartError` is printed after the script's name, with exit code `failure`. */
export function runScript(
  script: string,
  main: (args: readonly string[]) => Promise<number | void>,
  /** The exit code where it could not do its work. */
  failure = 1,
): void {
  // `status | head` closes our output: that is no failure.
  process.stdout.on('error', () => process.exit(0));
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code ?? 0),
    (error: unknown) => {
      const text = error instanceof StartError ? error.message : ((error as Error).stack ?? messageOf(error));
      console.error(`${script}: ${text}`);
      process.exitCode = failure;
    },
  );
}
