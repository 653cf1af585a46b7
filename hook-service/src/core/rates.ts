import type { CallMaker } from './call-path';
import { goOnWithout } from './failure-policy';
import { matchesGlob } from './limits';
import type { Log, RateCounter, RateStore } from './ports';

/** How often tools may be called. Each number is for one caller, over a minute. */
export interface RateLimits {
  /** Of all tools together. */
  readonly callsPerMinute?: number;
  /** Of single tools, by name or glob; the first one that fits counts. */
  readonly tools: readonly { readonly pattern: string; readonly callsPerMinute?: number }[];
}

/** What a caller has used up: one of its tools, or all of them. */
export interface RateRefusal {
  readonly of: 'key' | 'tool';
  readonly callsPerMinute: number;
}

const windowSeconds = 60;

/** Counts calls over time, for all replicas together, and says which one is too many. */
export class Rates {
  constructor(
    private readonly limits: RateLimits,
    private readonly store: RateStore,
    private readonly log: Log,
  ) {}

  /** Counts this call, or says why it may not run; one round trip, and none where no limit fits. */
  async take(by: Pick<CallMaker, 'scope'>, tool: string): Promise<RateRefusal | undefined> {
    const { callsPerMinute, tools } = this.limits;
    const rule = tools.find(({ pattern }) => matchesGlob(pattern, tool));
    const counters: (RateCounter & RateRefusal)[] = [];
    if (callsPerMinute !== undefined)
      counters.push({ name: 'calls', limit: callsPerMinute, of: 'key', callsPerMinute });
    if (rule?.callsPerMinute !== undefined)
      counters.push({
        name: `calls:${rule.pattern}`,
        limit: rule.callsPerMinute,
        of: 'tool',
        callsPerMinute: rule.callsPerMinute,
      });
    if (counters.length === 0) return undefined;
    try {
      const full = await this.store.take(by.scope, counters, windowSeconds);
      return full === undefined ? undefined : counters[full];
    } catch (error) {
      // A client waits: a store that fails costs the count, not the call.
      goOnWithout(this.log, 'store', 'rate', { error });
      return undefined;
    }
  }
}
