import type { CallEnd, CallFacts } from './observer';
import type { FailureKind } from './ports';

/** What calls of one server's tools cost, in dollars (`mcp_info.mcp_server_cost_info`). */
export interface ServerPrices {
  /** For tools that have no price of their own. */
  readonly perCall?: number;
  /** By the name a tool has at its server. */
  readonly tools?: Readonly<Record<string, number>>;
}

/** By the server's public name. */
export type Prices = Readonly<Record<string, ServerPrices>>;

/** Failures after which the server may have done its work all the same: it was asked and may bill it. */
const billed = new Set<FailureKind | undefined>([undefined, 'tool_error', 'timeout']);

/** What one call cost, in dollars: nothing where the server was not asked, or refused the call. */
export function callPrice(
  prices: Prices,
  { server, tool }: Pick<CallFacts, 'server' | 'tool'>,
  end: Pick<CallEnd, 'failure' | 'cached' | 'replayed'>,
): number {
  if (server === undefined || tool === undefined || end.cached || end.replayed || !billed.has(end.failure))
    return 0;
  const known = Object.hasOwn(prices, server) ? prices[server] : undefined;
  const own = known?.tools;
  return (own !== undefined && Object.hasOwn(own, tool) ? own[tool] : known?.perCall) ?? 0;
}
