import type { FieldValue, MetricRow, MetricWrite } from '../core/metric-store';
import { kept, prefix } from './batch';
import { percentile } from './durations';
import { decimal, rowOf, type RowKind } from './fields';
import { classesOf, Sums, type Fields } from './sums';

/** Most members of a list of the last hour. */
const mostRanked = 50;
const none: Fields = new Map<string, number>();

/** The rows of one bucket, from what all replicas have counted in it. */
export function rowsOf(bucket: number, sums: Sums): MetricRow[] {
  const replicas = Math.max(sums.get('all', 'replicas'), 1);
  const servers = sums
    .names('server')
    .map((name) => serverFields(sums.series.get(`server:${name}`), replicas));
  const all = new Map(sums.series.get('all'));
  // Replicas have the same servers; one that is down anywhere is down.
  all.set('servers_up', servers.filter((fields) => fields.get('up') === 1).length);
  all.set('servers_total', servers.filter((fields) => (fields.get('total') ?? 0) > 0).length);
  const row = (kind: RowKind, key: string, fields: Fields): MetricRow => ({
    key: prefix + key,
    at: bucket,
    fields: rowOf(kind, fields),
  });
  const named = (kind: 'tool' | 'key' | 'model') =>
    sums
      .names(kind)
      .map((name) => row(kind, `ts:${kind}:${name}`, sums.series.get(`${kind}:${name}`) ?? none));
  return [
    row('all', 'ts:rollup', all),
    ...named('tool'),
    ...sums.names('server').map((name, index) => row('server', `ts:server:${name}`, servers[index] ?? none)),
    ...named('key'),
    ...named('model'),
  ];
}

/** Samples of each replica are one state again. */
function serverFields(fields: Fields | undefined, replicas: number): Fields {
  const joined = new Map(fields);
  joined.set('up', (joined.get('up') ?? 0) >= replicas ? 1 : 0);
  joined.set('tools', Math.round((joined.get('tools') ?? 0) / replicas));
  return joined;
}

/** The lists of the last hour, from sums over it. */
export function topLists(hour: Sums): { readonly keys: readonly string[]; readonly writes: MetricWrite[] } {
  const by = (kind: string, value: (fields: Fields) => number): [string, number][] =>
    hour.names(kind).map((name) => [name, value(hour.series.get(`${kind}:${name}`) ?? none)]);
  const field = (name: string) => (fields: Fields) => fields.get(name) ?? 0;
  const lists: Readonly<Record<string, [string, number][]>> = {
    calls: by('tool', field('calls')),
    errors: by('tool', field('errors')),
    p95: by('tool', (fields) => percentile(classesOf(fields, ''), 0.95)),
    'cost-tools': by('tool', field('cost_usd')),
    'cost-keys': by('key', field('cost_usd')),
    'cost-models': by('model', field('cost_usd')),
    'tokens-keys': by('key', (fields) => field('tokens_in')(fields) + field('tokens_out')(fields)),
  };
  const writes = Object.entries(lists).flatMap(([list, members]): MetricWrite[] => {
    const scores = members
      .filter(([, score]) => score > 0)
      .sort(([, one], [, other]) => other - one)
      .slice(0, mostRanked)
      .map(([name, score]): FieldValue => [name, decimal(score)]);
    return scores.length === 0 ? [] : [{ do: 'rank', key: `${prefix}top:${list}`, ttl: kept.top, scores }];
  });
  return { keys: Object.keys(lists).map((list) => `${prefix}top:${list}`), writes };
}
