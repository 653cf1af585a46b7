import { stopEverything } from './processes';

/** Runs a program to its exit code. Where it fails or is interrupted, what it has started ends with it. */
export function runProgram(name: string, main: () => Promise<number>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stopEverything(2_000).finally(() => process.exit(130)));
  }
  main().then(
    (code) => process.exit(code),
    async (error: unknown) => {
      process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
      await stopEverything(2_000);
      process.exit(1);
    },
  );
}
