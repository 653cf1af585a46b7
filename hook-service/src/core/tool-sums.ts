import type { CallRecord } from './turn-log';

/** What the calls of one tool came to; durations in milliseconds, cost in dollars. */
export interface ToolSum {
  readonly tool: string;
  readonly server?: string;
  readonly calls: number;
  readonly running: number;
  readonly errors: number;
  readonly timeouts: number;
  /** Of those that are over; 0 where there are none. */
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly cost_usd: number;
}

/** Tools that are told of; names come from models and servers. */
const mostTools = 100;

/** Calls summed up by tool, those that were called most first. */
export function toolSums(calls: readonly CallRecord[]): readonly ToolSum[] {
  const byTool = new Map<string, CallRecord[]>();
  for (const call of calls) {
    const name = `${call.server ?? ''}\0${call.tool}`;
    const known = byTool.get(name);
    if (known === undefined) byTool.set(name, [call]);
    else known.push(call);
  }
  return [...byTool.values()]
    .map(sumOf)
    .sort((one, other) => other.calls - one.calls || one.tool.localeCompare(other.tool))
    .slice(0, mostTools);
}

function sumOf(calls: readonly CallRecord[]): ToolSum {
  const [first] = calls;
  const count = (test: (call: CallRecord) => boolean): number => calls.filter(test).length;
  const durations = calls
    .filter(({ running }) => running === undefined)
    .map(({ ms }) => ms)
    .sort((one, other) => one - other);
  return {
    tool: first?.tool ?? '',
    ...(first?.server === undefined ? {} : { server: first.server }),
    calls: calls.length,
    running: count(({ running }) => running === true),
    errors: count(({ failure }) => failure !== undefined),
    timeouts: count(({ failure }) => failure === 'timeout'),
    p50_ms: rank(durations, 0.5),
    p95_ms: rank(durations, 0.95),
    cost_usd: calls.reduce((sum, { cost_usd: cost }) => sum + cost, 0),
  };
}

/** The smallest duration that this share of them does not exceed. */
function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
