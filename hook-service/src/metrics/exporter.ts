import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Aggregator } from './aggregator';
import { mcpBounds, modelBounds, regroup, tokenBounds } from './durations';
import { failureField, failures, keyFields, totalFields } from './fields';
import { counts, isUp, toolsOf, type Parts } from './gauges';
import { classesOf, type Fields } from './sums';

export interface ExporterOptions {
  readonly aggregator: Aggregator;
  readonly parts: () => Parts;
  /** Absent: no Redis is configured. */
  readonly redisReady?: () => boolean;
  /** False: without the numbers of the process itself. */
  readonly processMetrics?: boolean;
}

/** What `/metrics` gives: a page in Prometheus' text form and its content type. */
export interface Exporter {
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly labels: Labels;
  readonly value: number;
}
interface Distribution {
  readonly labels: Labels;
  /** One for each bound and one for what lies above; not cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A histogram whose numbers are kept elsewhere. */
class ReadHistogram extends Histogram {
  constructor(
    private readonly about: { readonly name: string; readonly help: string },
    private readonly bounds: readonly number[],
    labelNames: readonly string[],
    registry: Registry,
    private readonly read: () => readonly Distribution[],
  ) {
    super({ ...about, labelNames: [...labelNames], buckets: [...bounds], registers: [registry] });
  }

  override async get(): ReturnType<Histogram['get']> {
    const { name, help } = this.about;
    const values = this.read().flatMap(({ labels, counts, sum }) => {
      let below = 0;
      const buckets = [...this.bounds.map(String), '+Inf'].map((le, index) => {
        below += counts[index] ?? 0;
        return { labels: { ...labels, le }, value: below, metricName: `${name}_bucket` };
      });
      return [
        ...buckets,
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: below, metricName: `${name}_count` },
      ];
    });
    // prom-client's type for kinds of metrics is an enum of numbers; what it reads is the word.
    return { name, help, type: 'histogram' as never, aggregator: 'sum', values, collect: () => undefined };
  }

  /** What the registry asks, in place of `get`, where there is one. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }
}

/** Makes the page from the same sums that go to Redis. Labels are bounded as those are. */
export function createExporter(options: ExporterOptions): Exporter {
  const registry = new Registry();
  const { aggregator } = options;
  const series = (name: string): Fields =>
    aggregator.sinceStart.series.get(name) ?? new Map<string, number>();
  const each = <T>(kind: string, make: (name: string, fields: Fields) => T): T[] =>
    aggregator.sinceStart.names(kind).map((name) => make(name, series(`${kind}:${name}`)));

  const counter = (name: string, help: string, labelNames: string[], read: () => readonly Sample[]): void => {
    const made = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        made.reset();
        for (const { labels, value } of read()) made.inc(labels, value);
      },
    });
  };
  const gauge = (name: string, help: string, labelNames: string[], read: () => readonly Sample[]): void => {
    const made = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        made.reset();
        for (const { labels, value } of read()) made.set(labels, value);
      },
    });
  };
  const histogram = (
    name: string,
    help: string,
    bounds: readonly number[],
    labelNames: string[],
    read: () => readonly Distribution[],
  ): ReadHistogram => new ReadHistogram({ name, help }, bounds, labelNames, registry, read);
  const durations = (
    fields: Fields,
    prefix: string,
    bounds: readonly number[],
    ms: string,
    labels: Labels,
  ) => ({
    labels,
    counts: regroup(classesOf(fields, prefix), bounds),
    sum: (fields.get(ms) ?? 0) / 1000,
  });
  const seconds = (bounds: readonly number[]): number[] => bounds.map((bound) => bound / 1000);

  for (const field of totalFields) {
    const [name, scale] = exported(field);
    counter(`toolturn_${name}`, `Sum of ${field} (docs/metrics.md).`, [], () => [
      { labels: {}, value: (series('all').get(field) ?? 0) * scale },
    ]);
  }
  for (const field of keyFields) {
    const [name, scale] = exported(field);
    counter(`toolturn_key_${name}`, `Sum of ${field} by virtual key.`, ['key'], () =>
      each('key', (key, fields) => ({ labels: { key }, value: (fields.get(field) ?? 0) * scale })),
    );
  }
  const tool = 'gen_ai_tool_name';
  counter('toolturn_tool_calls_total', 'Calls by tool and kind of failure.', [tool, 'error_type'], () =>
    each('tool', (name, fields) => [
      {
        labels: { [tool]: name, error_type: '' },
        value: (fields.get('calls') ?? 0) - (fields.get('errors') ?? 0),
      },
      ...failures.flatMap((kind) => {
        const value = fields.get(failureField(kind)) ?? 0;
        return value === 0 ? [] : { labels: { [tool]: name, error_type: kind }, value };
      }),
    ]).flat(),
  );
  counter('toolturn_tool_cost_usd_total', 'Dollars by tool.', [tool], () =>
    each('tool', (name, fields) => ({ labels: { [tool]: name }, value: fields.get('cost_usd') ?? 0 })),
  );
  const model = 'gen_ai_request_model';
  counter('toolturn_model_cost_usd_total', 'Dollars by model, as LiteLLM logged them.', [model], () =>
    each('model', (name, fields) => ({ labels: { [model]: name }, value: fields.get('cost_usd') ?? 0 })),
  );
  counter('toolturn_model_errors_total', 'Model calls that failed, as LiteLLM logged them.', [model], () =>
    each('model', (name, fields) => ({ labels: { [model]: name }, value: fields.get('llm_errors') ?? 0 })),
  );
  for (const field of ['connects', 'reconnects', 'disconnects'] as const) {
    counter(`toolturn_server_${field}_total`, `Sum of ${field} by MCP server.`, ['server'], () =>
      each('server', (server, fields) => ({ labels: { server }, value: fields.get(field) ?? 0 })),
    );
  }
  histogram(
    'mcp_client_operation_duration_seconds',
    'How long servers took for tools/call, without waiting.',
    seconds(mcpBounds),
    [tool, 'mcp_method_name'],
    () =>
      each('tool', (name, fields) =>
        durations(fields, 'mcp_', mcpBounds, 'mcp_ms', { [tool]: name, mcp_method_name: 'tools/call' }),
      ),
  );
  histogram(
    'gen_ai_execute_tool_duration_seconds',
    'How long calls took, waiting included.',
    seconds(mcpBounds),
    [tool],
    () => each('tool', (name, fields) => durations(fields, '', mcpBounds, 'ms', { [tool]: name })),
  );
  histogram(
    'gen_ai_client_operation_duration_seconds',
    'How long model calls took, as LiteLLM logged them.',
    seconds(modelBounds),
    [model, 'gen_ai_operation_name'],
    () =>
      each('model', (name, fields) =>
        durations(fields, 'llm_', modelBounds, 'llm_ms', { [model]: name, gen_ai_operation_name: 'chat' }),
      ),
  );
  histogram(
    'gen_ai_client_token_usage',
    'Tokens of model calls, as LiteLLM counted them.',
    tokenBounds,
    [model, 'gen_ai_token_type', 'gen_ai_operation_name'],
    () =>
      each('model', (name, fields) =>
        (['input', 'output'] as const).map((type) => ({
          labels: { [model]: name, gen_ai_token_type: type, gen_ai_operation_name: 'chat' },
          counts: [...tokenBounds, Infinity].map((_, index) => fields.get(`${type}_t${index}`) ?? 0),
          sum: fields.get(type === 'input' ? 'tokens_in' : 'tokens_out') ?? 0,
        })),
      ).flat(),
  );
  histogram('toolturn_turn_duration_seconds', 'How long turns took.', seconds(mcpBounds), [], () => [
    durations(series('all'), 'turn_', mcpBounds, 'turn_ms', {}),
  ]);

  const servers = () => Object.entries(options.parts().servers).filter(([, part]) => counts(part));
  gauge('toolturn_server_up', '1 where the MCP server is ready.', ['server'], () =>
    servers().map(([server, part]) => ({ labels: { server }, value: isUp(part) ? 1 : 0 })),
  );
  gauge('toolturn_server_tools', 'Tools of the MCP server that may be offered.', ['server'], () =>
    servers().map(([server, part]) => ({ labels: { server }, value: toolsOf(part) })),
  );
  gauge('toolturn_turns_in_flight', 'Turns being worked on.', [], () => [
    { labels: {}, value: aggregator.live.inFlight },
  ]);
  gauge('toolturn_active_conversations', 'Conversations with a request in the last 5 minutes.', [], () => [
    { labels: {}, value: aggregator.live.activeConversations(Date.now()) },
  ]);
  gauge('toolturn_metrics_queue', 'Records that wait to be written to Redis.', [], () => [
    { labels: {}, value: aggregator.records.size },
  ]);
  gauge('toolturn_info', 'Always 1; the label says which version.', ['version'], () => [
    { labels: { version: options.parts().version }, value: 1 },
  ]);
  const { redisReady } = options;
  if (redisReady !== undefined) {
    gauge('toolturn_redis_up', '1 while Redis takes metrics.', [], () => [
      { labels: {}, value: redisReady() ? 1 : 0 },
    ]);
  }
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry });
  return {
    page: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

/** The name of a sum in Prometheus, in base units, and by what it is multiplied. */
function exported(field: string): readonly [name: string, scale: number] {
  return field.endsWith('_ms')
    ? [`${field.slice(0, -'_ms'.length)}_seconds_total`, 0.001]
    : [`${field}_total`, 1];
}
