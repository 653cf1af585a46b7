import type { Redis } from 'ioredis';
import * as layout from '../../../grafana/src/layout';

/** Every key of the metrics, with every field, in the layout of docs/metrics.md. */
export async function writeMetrics(
  redis: Redis,
  now: number,
  values: Readonly<Record<string, number>> = {},
): Promise<void> {
  const numbers = (fields: readonly string[]): (string | number)[] =>
    fields.flatMap((field) => [field, values[field] ?? healthy[field] ?? 1]);
  const pipeline = redis.pipeline();
  const rows = (key: string, fields: readonly string[]): void => {
    for (let at = now - 600_000; at < now; at += 10_000) pipeline.xadd(key, `${at}-0`, ...numbers(fields));
  };
  const hash = (key: string, fields: readonly string[]): void => {
    pipeline.hset(key, ...numbers(fields));
  };
  rows('toolturn:ts:rollup', layout.rollupFields);
  rows('toolturn:ts:tool:github-create_issue', layout.toolFields);
  rows('toolturn:ts:server:github', layout.serverFields);
  rows('toolturn:ts:key:alice', layout.keyFields);
  rows('toolturn:ts:model:gpt', layout.modelFields);
  for (const [status, error, at] of calls) {
    const texts = [...textsOf(layout.callTexts.slice(0, -2)), 'status', status, 'error_type', error];
    pipeline.xadd('toolturn:calls', `${now - at}-0`, ...texts, ...numbers(layout.callNumbers));
  }
  pipeline.xadd(
    'toolturn:turns',
    `${now - 1}-0`,
    ...textsOf(layout.turnTexts),
    ...numbers(layout.turnNumbers),
  );
  hash('toolturn:totals', layout.rollupFields);
  hash('toolturn:gauges', layout.gaugeNumbers);
  pipeline.hset('toolturn:gauges', 'version', 'v0.1.0', 'redis', 'ready');
  hash('toolturn:server:github', layout.stateNumbers);
  pipeline.hset('toolturn:server:github', 'state', 'failed', 'reason', 'the connection was refused');
  hash('toolturn:tool:github-create_issue', layout.toolSums);
  hash('toolturn:key:alice', layout.keyFields);
  hash('toolturn:model:gpt', layout.modelFields);
  hash('toolturn:hist:github-create_issue', layout.durationBuckets);
  hash('toolturn:hist-turn:ms', layout.durationBuckets);
  hash('toolturn:hist-turn:rounds', layout.roundBuckets);
  for (const list of layout.topLists) pipeline.zadd(`toolturn:${list}`, 7, 'github-create_issue', 9, 'n:123');
  pipeline.sadd('toolturn:tools', 'github-create_issue');
  pipeline.sadd('toolturn:servers', 'github');
  pipeline.sadd('toolturn:keys', 'alice');
  pipeline.sadd('toolturn:models', 'gpt');
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

/** What no rule fires at; every other number is 1. */
const healthy: Readonly<Record<string, number>> = {
  ...{ calls: 20, turns: 10, errors: 1, turn_errors: 0, unavailable: 0, hooks_refused: 0 },
  ...{
    limit_rounds: 0,
    limit_calls: 0,
    limit_seconds: 0,
    limit_tokens: 0,
    limit_repeats: 0,
    limit_rate: 0,
    limit_cost: 0,
    limit_bytes: 0,
    limit_conversation: 0,
    limit_key: 0,
    servers_up: 2,
    servers_total: 2,
  },
  ...{ tokens_in: 400, tokens_cached: 100, catalog_tokens: 600, armed: 6, cost_usd: 0.5 },
};

const calls: readonly (readonly [status: string, error: string, before: number])[] = [
  ['failed', 'unknown_fate', 5],
  ['failed', 'denied', 4],
  ['ok', 'none', 3],
];

function textsOf(fields: readonly string[]): string[] {
  return fields.flatMap((field) => [field, `some ${field}`]);
}
