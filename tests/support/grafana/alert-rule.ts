/**
 * A provisioned rule as Grafana's alerting evaluates it, for the expressions that ours use: what is a number and what a
 * series by the rules of its converter, then reduce and math.
 */
import { runInNewContext } from 'node:vm';
import type { Redis } from 'ioredis';
import { runAlertTarget } from '../frames';
import type { Frame, FrameResult } from './columns';

export interface AlertQuery {
  readonly refId: string;
  readonly datasourceUid: string;
  readonly relativeTimeRange: { readonly from: number; readonly to: number };
  readonly model: Readonly<Record<string, unknown>>;
}

export interface AlertRule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly noDataState: string;
  readonly execErrState: string;
  readonly data: readonly AlertQuery[];
}

/** What an expression may refer to. */
type Value = { readonly number: number } | { readonly series: readonly number[] };

/** Whether the rule fires at this time, in milliseconds; a failing query is what the rule says it is. */
export async function fires(redis: Redis, rule: AlertRule, now: number): Promise<boolean> {
  const values = new Map<string, Value>();
  try {
    for (const query of rule.data) values.set(query.refId, await valueOf(redis, query, values, now));
  } catch (error) {
    if (!(error instanceof QueryFailed)) throw error;
    return rule.execErrState === 'Alerting';
  }
  const condition = values.get(rule.condition);
  if (condition === undefined || !('number' in condition)) throw new Error(`${rule.uid} has no condition`);
  return condition.number !== 0;
}

class QueryFailed extends Error {}

async function valueOf(
  redis: Redis,
  query: AlertQuery,
  values: ReadonlyMap<string, Value>,
  now: number,
): Promise<Value> {
  const { model, relativeTimeRange: range } = query;
  if (query.datasourceUid !== '__expr__') {
    const times = { from: now - range.from * 1000, to: now - range.to * 1000 };
    return converted(await runAlertTarget(redis, model, times));
  }
  const expression = String(model['expression']);
  if (model['type'] === 'math') return { number: math(expression, values) };
  if (model['type'] !== 'reduce' || model['reducer'] !== 'sum') throw new Error('not emulated');
  const value = values.get(expression);
  if (value === undefined) throw new Error(`There is no query ${expression}.`);
  if ('number' in value) return value;
  return { number: value.series.filter(Number.isFinite).reduce((sum, each) => sum + each, 0) };
}

/** A table of one number is a number; times and numbers alone are a series; anything else is an error. */
function converted({ frames: [frame], error }: FrameResult): Value {
  if (error !== undefined) throw new QueryFailed(error);
  if (frame === undefined) throw new QueryFailed('no data');
  const [times, numbers, texts] = [of(frame, 'time'), of(frame, 'number'), of(frame, 'string')];
  if (times.length === 0 && numbers.length === 1) return { number: Number(numbers[0]?.values[0]) };
  if (times.length === 1 && numbers.length === 1 && texts.length === 0) {
    return { series: (numbers[0]?.values ?? []).map(Number) };
  }
  throw new QueryFailed('input data must be a wide series');
}

function of(frame: Frame, type: string) {
  return frame.columns.filter((column) => column.type === type);
}

/** Grafana's math, as far as JavaScript reads it the same way. */
function math(expression: string, values: ReadonlyMap<string, Value>): number {
  const scope: Record<string, number> = {};
  for (const [refId, value] of values) if ('number' in value) scope[`$${refId}`] = value.number;
  return Number(runInNewContext(expression, scope));
}
