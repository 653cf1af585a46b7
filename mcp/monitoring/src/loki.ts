import { z } from 'zod';
import type { HttpApi } from '../../kit/src/http';
import { ToolFailure } from '../../kit/src/tool';

/** Answer of `/loki/api/v1/query_range` for a log query (https://grafana.com/docs/loki/latest/reference/loki-http-api/). */
const streams = z.object({
  data: z.object({
    resultType: z.literal('streams'),
    result: z.array(
      z.object({
        stream: z.record(z.string(), z.string()),
        // A third entry holds structured metadata.
        values: z.array(z.tuple([z.string().regex(/^\d+$/), z.string()]).rest(z.unknown())),
      }),
    ),
  }),
});
const labelValues = z.object({ data: z.array(z.string()).nullish() });

/** One line of a log. */
export interface LogLine {
  readonly time: string;
  readonly container: string;
  readonly line: string;
}

export interface LogQuestion {
  /** Only this container; absent: all. */
  readonly container?: string | undefined;
  /** Only lines with this text, in any case. */
  readonly contains?: string | undefined;
  /** Only lines that match this pattern (RE2). */
  readonly pattern?: string;
  readonly hours: number;
  readonly limit: number;
}

/** Longest line that is given to a model, in characters. */
const longestLine = 2_000;

/** Loki's query API, bounded in time and lines. */
export class Loki {
  constructor(
    private readonly api: HttpApi,
    private readonly containerLabel: string,
  ) {}

  /** Lines that fit, newest first. */
  async lines(question: LogQuestion, signal: AbortSignal): Promise<readonly LogLine[]> {
    const end = Date.now();
    const answer = await this.api.get(
      '/loki/api/v1/query_range',
      {
        query: this.query(question),
        start: `${end - question.hours * 3_600_000}000000`,
        end: `${end}000000`,
        limit: question.limit,
        direction: 'backward',
      },
      signal,
    );
    const parsed = streams.safeParse(answer);
    if (!parsed.success) throw new ToolFailure('Loki answered in a form that is not known.');
    return parsed.data.data.result
      .flatMap(({ stream, values }) =>
        values.map(([nanoseconds, line]) => ({
          nanoseconds: BigInt(nanoseconds),
          container: stream[this.containerLabel] ?? '',
          line: line.slice(0, longestLine),
        })),
      )
      .sort((a, b) => (a.nanoseconds > b.nanoseconds ? -1 : a.nanoseconds < b.nanoseconds ? 1 : 0))
      .slice(0, question.limit)
      .map(({ nanoseconds, container, line }) => ({
        time: new Date(Number(nanoseconds / 1_000_000n)).toISOString(),
        container,
        line,
      }));
  }

  /** Names of all containers that have written lately. */
  async containers(signal: AbortSignal): Promise<readonly string[]> {
    const answer = await this.api.get(`/loki/api/v1/label/${this.containerLabel}/values`, {}, signal);
    return labelValues.safeParse(answer).data?.data ?? [];
  }

  private query({ container, contains, pattern }: LogQuestion): string {
    const selector =
      container === undefined
        ? `{${this.containerLabel}=~".+"}`
        : `{${this.containerLabel}=${quoted(container)}}`;
    const text = contains === undefined ? '' : ` |~ ${quoted(`(?i)${literal(contains)}`)}`;
    return selector + text + (pattern === undefined ? '' : ` |~ ${quoted(pattern)}`);
  }
}

/** A string of LogQL, which writes strings as Go does: nothing in it can end it. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** A text in which no sign has a meaning for RE2. */
const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
