import { logFailure } from '../core/failure-policy';
import type { MetricStore, MetricWrite } from '../core/metric-store';
import type { Log } from '../core/ports';
import { within } from '../core/within';
import { bucketMs, type Aggregator } from './aggregator';
import { kept, nameWrites, prefix, readSums, writesOf } from './batch';
import { decimal } from './fields';
import { counts, gaugeWrites, isUp, replicaGauges, toolsOf, type Parts } from './gauges';
import { rowsOf, topLists } from './rows';
import { Sums } from './sums';

/** How often a replica sends what it has counted. */
const everyMs = 5_000;
/** How long replicas may send to a bucket after it has ended, until it becomes rows. */
const graceMs = 10_000;
const minuteMs = 60_000;
const minutesRanked = 60;
const stopMs = 2000;
const replicaMs = 30_000;

export interface FlusherOptions {
  readonly aggregator: Aggregator;
  readonly store: MetricStore;
  /** What no other replica is called. */
  readonly replica: string;
  /** As the config says now. */
  readonly settings: () => { readonly redis: boolean; readonly retentionSeconds: number };
  readonly parts: () => Parts;
  readonly log: Log;
  readonly now?: () => number;
}

/**
 * Brings what was counted to the store, beside everything else. One sending at a time: what could not be sent is sent
 * again under its number, so that nothing counts twice, and meanwhile the aggregator goes on in its bounds.
 */
export class Flusher {
  private timer: NodeJS.Timeout | undefined;
  private busy: Promise<void> | undefined;
  private number = 0;
  private batch: { readonly number: number; readonly writes: readonly MetricWrite[] } | undefined;
  private sampled = 0;
  private ranked = 0;
  private lost = false;
  private readonly now: () => number;

  constructor(private readonly options: FlusherOptions) {
    this.now = options.now ?? Date.now;
  }

  start(): void {
    this.sample();
    this.timer = setInterval(() => void this.tick(), everyMs);
    this.timer.unref();
  }

  /** Sends what is there once more, for two seconds at most. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    // What is under way was made before the last turns ended.
    await within(
      stopMs,
      this.tick().then(() => this.tick()),
    );
  }

  /** One sending, and the rows where this replica leads. Never rejects; joins one that is under way. */
  tick(): Promise<void> {
    this.busy ??= this.work().finally(() => (this.busy = undefined));
    return this.busy;
  }

  private async work(): Promise<void> {
    const { store, replica, log, aggregator, settings } = this.options;
    this.sample();
    if (!settings().redis) {
      aggregator.drain();
      aggregator.records.take(this.now());
      aggregator.records.takeDropped();
      return;
    }
    if (!store.ready) return;
    try {
      this.batch ??= this.next();
      const leads = await store.send({ replica, ...this.batch });
      this.batch = undefined;
      if (leads) await this.lead();
      if (this.lost) logFailure(log, 'metrics', 'back');
      this.lost = false;
    } catch (error) {
      if (!this.lost) logFailure(log, 'metrics', 'lost', { error });
      this.lost = true;
    }
  }

  /** Once for each bucket: how things stand here. */
  private sample(): void {
    const { aggregator, parts } = this.options;
    const now = this.now();
    const bucket = Math.floor(now / bucketMs);
    if (bucket === this.sampled) return;
    this.sampled = bucket;
    aggregator.count('replicas', now);
    aggregator.count('inflight', now, aggregator.live.inFlight);
    aggregator.count('active_conversations', now, aggregator.live.activeConversations(now));
    for (const [name, part] of Object.entries(parts().servers)) {
      if (!counts(part)) continue;
      aggregator.countServer(name, 'total', now);
      aggregator.countServer(name, 'up', now, isUp(part) ? 1 : 0);
      aggregator.countServer(name, 'tools', now, toolsOf(part));
    }
  }

  private next(): NonNullable<typeof this.batch> {
    const { aggregator, replica, settings } = this.options;
    const { retentionSeconds } = settings();
    const now = this.now();
    aggregator.count('metrics_dropped', now, aggregator.records.takeDropped());
    const taken = aggregator.records.take(now);
    const gauges = {
      inflight: aggregator.live.inFlight,
      active_conversations: aggregator.live.activeConversations(now),
      queue: aggregator.records.size,
    };
    this.number += 1;
    return {
      number: this.number,
      writes: [
        ...writesOf(aggregator.drain(), taken, retentionSeconds),
        ...nameWrites(aggregator),
        {
          do: 'set',
          key: `${prefix}replica:${replica}`,
          ttl: kept.gauges,
          fields: replicaGauges.map((name) => [name, decimal(gauges[name])]),
        },
        { do: 'rank', key: `${prefix}replicas`, ttl: kept.gauges, scores: [[replica, decimal(now)]] },
      ],
    };
  }

  private async lead(): Promise<void> {
    const { store, aggregator, settings, parts } = this.options;
    const { retentionSeconds } = settings();
    const now = this.now();
    const due = await store.range(`${prefix}pending`, 0, now - bucketMs - graceMs);
    const buckets = due.map(Number).filter(Number.isFinite);
    const pending = await store.read(buckets.map((bucket) => `${prefix}pending:${bucket}`));
    const rows = buckets.flatMap((bucket, index) => {
      const sums = new Sums();
      readSums(sums, pending[index] ?? {});
      return rowsOf(bucket, sums);
    });
    const replicas = await store.range(`${prefix}replicas`, now - replicaMs, now + replicaMs);
    const gauges = await store.read(replicas.map((each) => `${prefix}replica:${each}`));
    const top = await this.top(now);
    const late = await store.settle({
      rows,
      keepFrom: now - retentionSeconds * 1000,
      ttl: retentionSeconds,
      remove: [...buckets.map((bucket) => `${prefix}pending:${bucket}`), ...top.keys],
      members: due.map((member) => ({ key: `${prefix}pending`, member })),
      writes: [...top.writes, ...gaugeWrites(gauges, parts(), now)],
    });
    const lateBuckets = rows.filter(({ key }, index) => key === `${prefix}ts:rollup` && late[index] === true);
    aggregator.count('late_buckets', now, lateBuckets.length);
  }

  /** The lists of the last hour, once a minute. */
  private async top(now: number): Promise<ReturnType<typeof topLists>> {
    const { store } = this.options;
    const minute = Math.floor(now / minuteMs);
    if (minute === this.ranked) return { keys: [], writes: [] };
    const minutes = Array.from({ length: minutesRanked }, (_, index) => (minute - index) * minuteMs);
    const hour = new Sums();
    for (const hash of await store.read(minutes.map((each) => `${prefix}minute:${each}`)))
      readSums(hour, hash);
    this.ranked = minute;
    return topLists(hour);
  }
}
