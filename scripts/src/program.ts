import { stopEverything } from './processes';

/**
 * Runs a program to its exit code. Where it fails or is interrupted, what it has started ends with it, also what it
 * starts meanwhile: it may take an ended part for a failure of one step and go on with the next.
 */
export function runProgram(name: string, main: () => Promise<number>): void {
  let isInterrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isInterrupted = true;
      void stopEverything(2_000).finally(() => process.exit(130));
    });
  }
  const end = (code: number): void => {
    if (!isInterrupted) process.exit(code);
  };
  main().then(end, async (error: unknown) => {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    await stopEverything(2_000);
    end(1);
  });
}
