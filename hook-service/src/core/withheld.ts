import type { PartHealth } from './ports';
import type { Withheld } from './tool-pins';

/**
 * The state of servers with the tools that are withheld: how many of each, and why. A server that is well otherwise
 * is `degraded`: something of it waits for a person.
 */
export function withWithheld(
  parts: Record<string, PartHealth>,
  withheldOf: (server: string) => Withheld | undefined,
): Record<string, PartHealth> {
  const told = Object.entries(parts).map(([server, part]): [string, PartHealth] => {
    const withheld = withheldOf(server);
    if (withheld === undefined) return [server, part];
    const { count, reason } = withheld;
    if (part.state !== 'ready') return [server, { ...part, withheld: count }];
    return [server, { ...part, state: 'degraded', reason, withheld: count }];
  });
  return Object.fromEntries(told);
}
