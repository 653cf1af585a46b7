import { randomBytes } from 'node:crypto';
import type { MetricStore } from '../core/metric-store';
import type { Observer } from '../core/observer';
import type { Log } from '../core/ports';
import type { Prices } from '../core/prices';
import { Aggregator } from './aggregator';
import { createExporter, type Exporter } from './exporter';
import { Flusher, type FlusherOptions } from './flusher';
import type { Parts } from './gauges';

export interface MetricsOptions {
  readonly prices: () => Prices;
  readonly parts: () => Parts;
  /** Absent: nothing is written to Redis. */
  readonly store?: MetricStore;
  readonly settings: FlusherOptions['settings'];
  readonly log: Log;
}

/** What is known of the shared session of a server. */
type ServerEvent = 'connected' | 'reconnected' | 'lost';

const serverFields: Readonly<Record<ServerEvent, string>> = {
  connected: 'connects',
  reconnected: 'reconnects',
  lost: 'disconnects',
};

/** All counting of this replica, and the ways out of it. */
export interface Metrics extends Observer, Exporter {
  /** Counts something of docs/metrics.md that no observation tells. */
  count(field: 'unavailable' | 'door_dropped' | 'hooks_refused', amount?: number): void;
  server(name: string, event: ServerEvent): void;
  start(): void;
  /** Sends what is there once more, for a bounded time. */
  stop(): Promise<void>;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { prices, parts, store, settings, log } = options;
  const aggregator = new Aggregator(prices);
  const exporter = createExporter({
    aggregator,
    parts,
    ...(store === undefined ? {} : { redisReady: () => store.ready }),
  });
  const flusher =
    store === undefined
      ? undefined
      : new Flusher({
          aggregator,
          store,
          replica: randomBytes(6).toString('hex'),
          settings,
          parts,
          log,
        });
  return {
    observe: (observation) => aggregator.observe(observation),
    page: () => exporter.page(),
    count: (field, amount = 1) => aggregator.count(field, Date.now(), amount),
    server(name, event) {
      const now = Date.now();
      aggregator.countServer(name, serverFields[event], now);
      if (event === 'reconnected') aggregator.count('reconnects', now);
    },
    start: () => flusher?.start(),
    async stop() {
      await flusher?.stop();
      await store?.close();
    },
  };
}
