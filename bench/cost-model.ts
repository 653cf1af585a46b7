/** What a load of turns needs, computed from what one turn costs. Pure. */

/** Costs of one one-tool turn, as the bench measured them: seconds of CPU, commands, bytes. */
export interface TurnCosts {
  readonly litellmSeconds: number;
  readonly hookSeconds: number;
  readonly redisSeconds: number;
  readonly toolSeconds: number;
  readonly redisOperations: number;
  /** Bytes that stay in Redis for `retention` seconds, by what they are. */
  readonly kept: readonly { readonly what: string; readonly bytes: number; readonly seconds: number }[];
}

/** A part may be busy for this share of its time, so that queues stay short and a lost one can be made up for. */
export const busy = 0.6;
/** What one Redis is given of memory, in bytes. */
export const redisBytes = 16 * 2 ** 30;
/** Round trips through a network and other work of its one thread: what a Redis node is trusted with in a second. */
export const redisOperationsPerSecond = 50_000;

export interface Need {
  readonly turnsPerMinute: number;
  /** One per core: LiteLLM's workers and hook-service each use one thread. */
  readonly litellmWorkers: number;
  readonly replicas: number;
  readonly toolServers: number;
  readonly redisNodes: number;
  readonly cores: number;
  readonly redisOperationsPerSecond: number;
  readonly redisBytes: number;
  readonly bottleneck: string;
}

/** What so many turns a minute need. Each part is there once at least. */
export function needed(costs: TurnCosts, turnsPerMinute: number): Need {
  const perSecond = turnsPerMinute / 60;
  const parts = (seconds: number): number => Math.max(1, Math.ceil((perSecond * seconds) / busy));
  const bytes = costs.kept.reduce((sum, each) => sum + perSecond * each.bytes * each.seconds, 0);
  const operations = perSecond * costs.redisOperations;
  const byMemory = Math.max(1, Math.ceil(bytes / redisBytes));
  const byWork = Math.max(1, Math.ceil(operations / redisOperationsPerSecond), parts(costs.redisSeconds));
  const need = {
    turnsPerMinute,
    litellmWorkers: parts(costs.litellmSeconds),
    replicas: parts(costs.hookSeconds),
    toolServers: parts(costs.toolSeconds),
    redisNodes: Math.max(byMemory, byWork),
    redisOperationsPerSecond: operations,
    redisBytes: bytes,
  };
  const cores =
    perSecond * (costs.litellmSeconds + costs.hookSeconds + costs.redisSeconds + costs.toolSeconds);
  return { ...need, cores: cores / busy, bottleneck: bottleneckOf(costs, perSecond, bytes) };
}

/** What is used up first when each part is there once: the largest share of what one can do. */
function bottleneckOf(costs: TurnCosts, perSecond: number, bytes: number): string {
  const shares: [string, number][] = [
    ['a LiteLLM worker', (perSecond * costs.litellmSeconds) / busy],
    ['a hook-service', (perSecond * costs.hookSeconds) / busy],
    ['an MCP server', (perSecond * costs.toolSeconds) / busy],
    ['the thread of Redis', (perSecond * costs.redisSeconds) / busy],
    ['the memory of Redis', bytes / redisBytes],
  ];
  const [what, share] = shares.reduce((most, each) => (each[1] > most[1] ? each : most));
  return `${what} (${share < 1 ? `${Math.max(1, Math.round(share * 100))} % used` : `${Math.ceil(share)} needed`})`;
}
