/** One line per step with its seconds; a step that takes long shows that it lives. */

/** Runs a step of the start and tells how long it took. The same look as `step` in scripts/lib/steps.sh. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const seconds = (): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;
  const terminal = process.stdout.isTTY === true;
  const alive = setInterval(
    () =>
      process.stdout.write(
        terminal ? `\r  …   ${title} (${seconds()})\x1b[K` : `  …   ${title} (${seconds()})\n`,
      ),
    terminal ? 500 : 10_000,
  );
  try {
    const result = await work();
    process.stdout.write(`${terminal ? '\r\x1b[K' : ''}  ok  ${title} (${seconds()})\n`);
    return result;
  } catch (error) {
    process.stdout.write(`${terminal ? '\r\x1b[K' : ''}  --  ${title} failed (${seconds()})\n`);
    throw error;
  } finally {
    clearInterval(alive);
  }
}
