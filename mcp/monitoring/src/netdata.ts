import { z } from 'zod';
import type { HttpApi } from '../../kit/src/http';
import { ToolFailure } from '../../kit/src/tool';

/** Answers of Netdata's `/api/v1` (https://learn.netdata.cloud/docs/developer-and-contributor-corner/rest-api). */
const data = z.object({
  labels: z.array(z.string()),
  data: z.array(z.array(z.number().nullable())),
});
const charts = z.object({ charts: z.record(z.string(), z.object({ units: z.string().optional() })) });
const alarms = z.object({
  alarms: z.record(
    z.string(),
    z.object({
      name: z.string(),
      chart: z.string(),
      status: z.string(),
      value_string: z.string().optional(),
      info: z.string().optional(),
    }),
  ),
});

/** One chart over a time, by dimension: the newest value and what it was around. */
export interface ChartSummary {
  readonly chart: string;
  readonly units?: string;
  readonly dimensions: Readonly<Record<string, Summary>>;
}

/** All null where nothing was measured: zero would be a value. */
export type Summary = Readonly<Record<'last' | 'average' | 'least' | 'most', number | null>>;

export type Alarm = z.output<typeof alarms>['alarms'][string];

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** Netdata's agent, as far as a model needs it. */
export class Netdata {
  constructor(private readonly api: HttpApi) {}

  async chart(chart: string, seconds: number, signal: AbortSignal): Promise<ChartSummary> {
    const answer = await this.api.get(
      '/api/v1/data',
      { chart, after: -seconds, points: 60, group: 'average', format: 'json' },
      signal,
    );
    const parsed = data.safeParse(answer);
    if (!parsed.success) throw new ToolFailure(`Netdata answered for ${chart} in a form that is not known.`);
    // The first column is the time; the newest row comes first. Null is what was not measured.
    const { labels, data: rows } = parsed.data;
    const dimensions = labels.slice(1).map((label, index) => {
      const values = rows.map((row) => row[index + 1]).filter((value) => typeof value === 'number');
      return [label, summary(values)] as const;
    });
    return { chart, dimensions: Object.fromEntries(dimensions) };
  }

  /** Names of all charts with their units. */
  async charts(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const parsed = charts.safeParse(await this.api.get('/api/v1/charts', {}, signal));
    if (!parsed.success) throw new ToolFailure('Netdata listed its charts in a form that is not known.');
    return new Map(Object.entries(parsed.data.charts).map(([name, chart]) => [name, chart.units ?? '']));
  }

  /** Alarms that are raised now. */
  async raised(signal: AbortSignal): Promise<readonly Alarm[]> {
    const parsed = alarms.safeParse(await this.api.get('/api/v1/alarms', {}, signal));
    if (!parsed.success) throw new ToolFailure('Netdata listed its alarms in a form that is not known.');
    return Object.values(parsed.data.alarms).filter(({ status }) => ['WARNING', 'CRITICAL'].includes(status));
  }
}

function summary(values: readonly number[]): Summary {
  if (values.length === 0) return { last: null, average: null, least: null, most: null };
  return {
    last: round(values[0] ?? 0),
    average: round(values.reduce((sum, value) => sum + value, 0) / values.length),
    least: round(Math.min(...values)),
    most: round(Math.max(...values)),
  };
}
