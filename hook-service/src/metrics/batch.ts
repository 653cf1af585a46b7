import type { FieldValue, MetricWrite } from '../core/metric-store';
import type { Aggregator, Counted } from './aggregator';
import { mcpBounds, regroup } from './durations';
import { decimal, keyFields, modelFields, toolFields, totalFields } from './fields';
import type { Account, Row, TakenRecords } from './records';
import { classesOf, type Fields, type Sums } from './sums';

const day = 86_400;
/** How long keys are kept, in seconds (docs/metrics.md). */
export const kept = {
  pending: 3600,
  minute: 65 * 60,
  totals: 400 * day,
  names: 90 * day,
  turn: day,
  conversation: 7 * day,
  gauges: 30,
  top: 600,
} as const;

export const prefix = 'toolturn:';
const minuteMs = 60_000;
/** Series and field in one field of a pending bucket. No name holds a tab. */
const tab = '\t';

const turnNumbers = [
  ...['at_ms', 'ms', 'rounds', 'calls', 'failed_calls', 'handed_back_calls'],
  ...['tokens_in', 'tokens_out', 'tokens_cached', 'hidden_tokens_in', 'hidden_tokens_out'],
  ...['held_ms', 'eager_ms', 'llm_calls', 'cost_usd', 'cost_tools_usd'],
];
const conversationSums = [
  ...['requests', 'turns', 'rounds', 'calls', 'errors', 'llm_calls'],
  ...['tokens_in', 'tokens_out', 'tokens_cached', 'cost_usd', 'cost_tools_usd'],
];
const most = 10_000;

/** Everything that was counted, as writes to the store. */
export function writesOf(counted: Counted, taken: TakenRecords, retentionSeconds: number): MetricWrite[] {
  const { totals, buckets } = counted;
  return [
    ...[...buckets].flatMap(([bucket, sums]) => bucketWrites(bucket, sums)),
    {
      do: 'add',
      key: `${prefix}totals`,
      ttl: kept.totals,
      fields: pick(totals.series.get('all'), totalFields),
    },
    ...seriesWrites(totals, 'tool', toolFields),
    ...seriesWrites(totals, 'key', keyFields),
    ...seriesWrites(totals, 'model', modelFields),
    ...totals.names('tool').map((tool) => histogram(`hist:${tool}`, totals.series.get(`tool:${tool}`), '')),
    histogram('hist-turn:ms', totals.series.get('all'), 'turn_'),
    roundsWrite(totals.series.get('all')),
    ...recordWrites(taken, retentionSeconds),
  ];
}

/** The names that template variables list. */
export function nameWrites({ tools, servers, keys, models }: Aggregator): MetricWrite[] {
  const lists = { tools: tools.all(), servers: servers.all(), keys: keys.all(), models: models.all() };
  return Object.entries(lists).flatMap(([list, members]) =>
    members.length === 0 ? [] : { do: 'names', key: prefix + list, ttl: kept.names, members },
  );
}

function bucketWrites(bucket: number, sums: Sums): MetricWrite[] {
  const pending = `${prefix}pending:${bucket}`;
  const minute = `${prefix}minute:${Math.floor(bucket / minuteMs) * minuteMs}`;
  const all = flat(sums, (_, field) => !/^(?:mcp_|(?:input|output)_t)/.test(field));
  // Lists of the last hour need no more than these.
  const ranked = flat(sums, (series, field) =>
    series.startsWith('tool:')
      ? /^(?:calls|errors|cost_usd|h\d+)$/.test(field)
      : /^(?:key|model):/.test(series) && /^(?:cost_usd|tokens_in|tokens_out)$/.test(field),
  );
  return [
    { do: 'add', key: pending, ttl: kept.pending, fields: all },
    { do: 'rank', key: `${prefix}pending`, ttl: kept.pending, scores: [[String(bucket), String(bucket)]] },
    ...(ranked.length === 0
      ? []
      : [{ do: 'add', key: minute, ttl: kept.minute, fields: ranked } satisfies MetricWrite]),
  ];
}

function flat(sums: Sums, wanted: (series: string, field: string) => boolean): FieldValue[] {
  return [...sums.series].flatMap(([series, fields]) =>
    [...fields].flatMap(([field, amount]): FieldValue[] =>
      wanted(series, field) ? [[series + tab + field, decimal(amount)]] : [],
    ),
  );
}

/** Reads back what `flat` has written. */
export function readSums(into: Sums, hash: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(hash)) {
    const [series, field] = name.split(tab);
    if (series !== undefined && field !== undefined) into.add(series, field, Number(value));
  }
}

function seriesWrites(totals: Sums, kind: string, fields: readonly string[]): MetricWrite[] {
  return totals.names(kind).map((name) => ({
    do: 'add',
    key: `${prefix}${kind}:${name}`,
    ttl: kept.names,
    fields: pick(totals.series.get(`${kind}:${name}`), fields),
  }));
}

function pick(fields: Fields | undefined, names: readonly string[]): FieldValue[] {
  return names.map((name) => [name, decimal(fields?.get(name) ?? 0)]);
}

function histogram(key: string, fields: Fields | undefined, times: string): MetricWrite {
  const counts = regroup(classesOf(fields, times), mcpBounds);
  const names = [...mcpBounds.map((bound) => `le_${bound}`), 'inf'];
  return {
    do: 'add',
    key: prefix + key,
    ttl: kept.names,
    fields: names.map((name, index) => [name, decimal(counts[index] ?? 0)]),
  };
}

function roundsWrite(fields: Fields | undefined): MetricWrite {
  const names = [...Array.from({ length: 10 }, (_, index) => `r_${index + 1}`), 'more'];
  return {
    do: 'add',
    key: `${prefix}hist-turn:rounds`,
    ttl: kept.names,
    fields: names.map((name) => [name, decimal(fields?.get(name === 'more' ? 'r_more' : name) ?? 0)]),
  };
}

function recordWrites(taken: TakenRecords, retentionSeconds: number): MetricWrite[] {
  const turnKey = (turn: string): string => `${prefix}turn:${turn}`;
  return [
    ...[...taken.began].map(([turn, { about }]): MetricWrite => ({
      do: 'default',
      key: turnKey(turn),
      ttl: kept.turn,
      fields: [
        ...turnNumbers.map((name): FieldValue => [name, '0']),
        ...values({
          conv: about['conv'] ?? 'none',
          key: about['key'] ?? 'none',
          model: about['model'] ?? 'none',
        }),
        ['end', 'running'],
      ],
    })),
    ...taken.ended.map(({ turn, row }): MetricWrite => ({
      do: 'set',
      key: turnKey(turn),
      ttl: kept.turn,
      fields: values(row).filter(([name]) => turnNumbers.includes(name) || name === 'end'),
    })),
    ...[...taken.spent].map(([turn, { sums }]): MetricWrite => ({
      do: 'add',
      key: turnKey(turn),
      ttl: kept.turn,
      fields: values(sums),
      existing: true,
    })),
    ...[...taken.conversations].flatMap(([name, account]) => conversationWrites(name, account)),
    ...taken.calls.map((row): MetricWrite => ({
      do: 'append',
      key: `${prefix}calls`,
      ttl: retentionSeconds,
      most,
      fields: values(row),
    })),
    ...taken.rows.map(({ turn, row }): MetricWrite => ({
      do: 'append',
      key: `${prefix}turns`,
      ttl: retentionSeconds,
      most,
      fields: [['turn', turn], ...values(row)],
      from: { key: turnKey(turn), names: ['cost_usd'] },
    })),
  ];
}

function conversationWrites(name: string, { about, at, sums }: Account): MetricWrite[] {
  const key = `${prefix}conv:${name}`;
  const ttl = kept.conversation;
  const { key: by = 'none', model = 'none' } = about;
  return [
    {
      do: 'add',
      key,
      ttl,
      fields: conversationSums.map((field) => [field, decimal(sums[field] ?? 0)]),
    },
    { do: 'set', key, ttl, fields: values({ key: by, model, updated_at_ms: at }) },
  ];
}

function values(row: Row): FieldValue[] {
  return Object.entries(row).map(([name, value]) => [
    name,
    typeof value === 'number' ? decimal(value) : value,
  ]);
}
