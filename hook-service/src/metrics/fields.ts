import type { FailureKind } from '../core/ports';
import { percentile } from './durations';
import { classesOf, type Fields } from './sums';

/** Which fields stand in which row (docs/metrics.md). Every row of a kind has all of them, in this order. */

/** Makes one field of a row. */
type Column = readonly [name: string, value: (fields: Fields) => number];

const sum = (name: string): Column => [name, (fields) => fields.get(name) ?? 0];
const sums = (...names: string[]): Column[] => names.map(sum);
const percentiles = (prefix: string, ...shares: number[]): Column[] =>
  shares.map((share) => [
    `${prefix}p${share}_ms`,
    (fields) => percentile(classesOf(fields, prefix), share / 100),
  ]);
const quotient = (name: string, part: string, whole: string): Column => [
  name,
  (fields) => ((fields.get(whole) ?? 0) > 0 ? (fields.get(part) ?? 0) / (fields.get(whole) ?? 1) : 0),
];

const failureKinds: Readonly<Record<FailureKind, true>> = {
  tool_error: true,
  protocol_error: true,
  timeout: true,
  transport: true,
  cancelled: true,
  unknown_tool: true,
  denied: true,
  invalid_arguments: true,
  limit: true,
  unknown_fate: true,
};

/** The field in which a kind of failure is counted. */
export const failureField = (kind: FailureKind): string => `err_${kind}`;
export const failures = Object.keys(failureKinds) as FailureKind[];

/** Sums over everything; `toolturn:totals` holds these. */
export const totalFields: readonly string[] = [
  ...['requests', 'armed', 'passed', 'rejected', 'offered_tools', 'catalog_tokens'],
  ...['ledger_hits', 'ledger_misses', 'restored_requests', 'restored_bytes'],
  ...['restored_tokens_in', 'restored_tokens_cached'],
  ...['turns', 'answers', 'handed_back', 'mixed', 'limit_rounds', 'limit_calls', 'limit_seconds'],
  ...['limit_tokens', 'limit_cost', 'limit_bytes', 'limit_repeats', 'limit_rate'],
  ...['limit_conversation', 'limit_key'],
  ...['approvals_asked', 'approvals_approved', 'approvals_declined', 'approvals_expired'],
  ...['turn_errors', 'turns_gone', 'rounds', 'round_tokens_in', 'round_tokens_out', 'round_tokens_cached'],
  ...['hidden_tokens_in', 'hidden_tokens_out', 'handed_back_calls', 'held_ms', 'eager_ms'],
  ...['calls', 'errors', 'timeouts', ...failures.map(failureField)],
  ...[
    'cached',
    'replayed',
    'cut',
    'masked',
    'outside_calls',
    'wait_ms',
    'bytes_in',
    'bytes_out',
    'cost_tools_usd',
  ],
  ...['llm_calls', 'llm_errors', 'tokens_in', 'tokens_out', 'tokens_cached', 'cost_usd'],
  ...['reconnects', 'unavailable', 'door_dropped', 'hooks_refused', 'metrics_dropped', 'late_buckets'],
];

const rollup: readonly Column[] = [
  ...sums(...totalFields),
  ...percentiles('arm_', 50, 95),
  ...percentiles('turn_', 50, 95, 99),
  ...percentiles('held_', 95),
  ...percentiles('', 50, 95, 99),
  ...percentiles('llm_', 50, 95, 99),
  quotient('restored_cached_share', 'restored_tokens_cached', 'restored_tokens_in'),
  quotient('rounds_per_answer', 'ended_rounds', 'turns'),
  ...sums('inflight', 'active_conversations', 'servers_up', 'servers_total', 'replicas'),
];

const latency = percentiles('', 50, 95, 99);

const toolSums = ['calls', 'errors', 'timeouts'];
const tool: readonly Column[] = [
  ...sums(...toolSums),
  ...latency,
  ...sums('cached', 'replayed', 'cut', 'masked', 'denied', 'wait_ms', 'bytes_in', 'bytes_out', 'cost_usd'),
];
const server: readonly Column[] = [
  ...sums('up', 'connects', 'reconnects', 'disconnects', 'tools', 'calls', 'errors', 'timeouts'),
  ...latency,
  ...sums('bytes_out', 'cost_usd'),
];
const spending = ['tokens_in', 'tokens_out', 'tokens_cached'];
/** Fields of `toolturn:key:<key>`. */
export const keyFields: readonly string[] = [
  ...['requests', 'armed', 'offered_tools', 'catalog_tokens', 'turns', 'turn_errors', 'rounds'],
  ...['calls', 'errors', 'denied', ...spending, 'hidden_tokens_in', 'hidden_tokens_out'],
  ...['llm_calls', 'llm_errors', 'cost_usd', 'cost_tools_usd'],
];
/** Fields of `toolturn:model:<model>`. */
export const modelFields: readonly string[] = [
  ...['turns', 'rounds', 'llm_calls', 'llm_errors', ...spending, 'cost_usd'],
];
/** Fields of `toolturn:tool:<tool>`. */
export const toolFields: readonly string[] = [...toolSums, 'bytes_in', 'bytes_out', 'ms', 'cost_usd'];

const model: readonly Column[] = [
  ...sums('turns', 'rounds', 'llm_calls', 'llm_errors'),
  ...percentiles('llm_', 50, 95, 99),
  ...sums(...spending, 'cost_usd'),
];

/** The columns of each kind of row. */
export const columns = { all: rollup, tool, server, key: sums(...keyFields), model } as const;
export type RowKind = keyof typeof columns;

/** One row: all fields of its kind, with finite numbers. */
export function rowOf(kind: RowKind, fields: Fields): readonly (readonly [string, string])[] {
  return columns[kind].map(([name, value]) => [name, decimal(value(fields))] as const);
}

/** A number without exponent; what is not finite is 0. Nine decimals are a billionth of a dollar. */
export function decimal(value: number): string {
  if (!Number.isFinite(value)) return '0';
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : '0';
  if (Math.abs(value) >= 1e15) return String(Math.round(value));
  return value.toFixed(9).replace(/\.?0+$/, '');
}
