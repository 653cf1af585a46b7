/**
 * Upper bounds of the classes in which durations are counted, in milliseconds. They hold the classes that OpenTelemetry
 * recommends for MCP and for models, so that those follow from them exactly, and finer ones for percentiles.
 */
const bounds = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 65, 80, 100, 130, 160, 200, 260, 320, 400, 500, 640, 800, 1000, 1280,
  1600, 2000, 2560, 3200, 4000, 5000, 5120, 6500, 8000, 10_000, 10_240, 13_000, 16_000, 20_000, 20_480,
  25_000, 30_000, 35_000, 40_960, 50_000, 60_000, 70_000, 81_920, 100_000, 120_000, 160_000, 200_000, 250_000,
  300_000, 600_000,
] as const;

/** `mcp.client.operation.duration`, in milliseconds (OpenTelemetry semantic conventions, MCP). */
export const mcpBounds = [
  10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000,
] as const;

/** `gen_ai.client.operation.duration`, in milliseconds (OpenTelemetry semantic conventions, generative AI). */
export const modelBounds = [
  10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 40_960, 81_920,
] as const;

/** The class of a duration; the last one has no upper bound. */
export function classOf(ms: number): number {
  const found = bounds.findIndex((bound) => ms <= bound);
  return found === -1 ? bounds.length : found;
}

/** How many of the durations lie in each class, by class. */
export type Classes = ReadonlyMap<number, number>;

/** A percentile in whole milliseconds, by the straight line within its class; 0 where nothing was counted. */
export function percentile(classes: Classes, share: number): number {
  const total = [...classes.values()].reduce((sum, count) => sum + count, 0);
  if (!(total > 0)) return 0;
  const wanted = share * total;
  let below = 0;
  for (const [index, upper] of bounds.entries()) {
    const count = classes.get(index) ?? 0;
    if (count > 0 && below + count >= wanted) {
      const lower = index === 0 ? 0 : (bounds[index - 1] ?? 0);
      return Math.round(lower + ((upper - lower) * (wanted - below)) / count);
    }
    below += count;
  }
  return bounds.at(-1) ?? 0;
}

/** The same durations in coarser classes; one more than there are bounds, for what lies above. Not cumulative. */
export function regroup(classes: Classes, coarse: readonly number[]): number[] {
  const counts = new Array<number>(coarse.length + 1).fill(0);
  for (const [index, count] of classes) {
    const upper = bounds[index] ?? Infinity;
    const at = coarse.findIndex((bound) => upper <= bound);
    const place = at === -1 ? coarse.length : at;
    counts[place] = (counts[place] ?? 0) + count;
  }
  return counts;
}

/** `gen_ai.client.token.usage`: powers of four (OpenTelemetry semantic conventions, generative AI). */
export const tokenBounds: readonly number[] = Array.from({ length: 14 }, (_, power) => 4 ** power);

/** The class of a number of tokens; the last one has no upper bound. */
export function tokenClassOf(tokens: number): number {
  const found = tokenBounds.findIndex((bound) => tokens <= bound);
  return found === -1 ? tokenBounds.length : found;
}
