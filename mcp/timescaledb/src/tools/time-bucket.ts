import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Timescale } from '../timescale';

const functions = ['avg', 'min', 'max', 'sum', 'count'] as const;

/** `tsdb_time_bucket`: one column over time, in equal steps. */
export const timeBucketTool = (timescale: Timescale) =>
  defineTool({
    name: 'tsdb_time_bucket',
    description: 'Sums a column up over time in equal steps, newest step first.',
    input: z.object({
      table: z.string().min(1).max(130).describe('schema.table'),
      time_column: z.string().min(1).max(63),
      value_column: z.string().min(1).max(63),
      function: z.enum(functions).default('avg'),
      bucket: z
        .string()
        .regex(/^\d{1,5} (second|minute|hour|day|week)s?$/)
        .describe('For example "15 minutes"'),
      hours: z.number().positive().max(100_000).default(24).describe('How far back'),
      limit: z.number().int().min(1).max(1000).default(200),
    }),
    async run(input) {
      await timescale.version();
      const table = await timescale.table(input.table);
      const time = await timescale.column(table, input.time_column);
      const value = await timescale.column(table, input.value_column);
      const buckets = await timescale.query(
        `SELECT time_bucket($1::interval, ${time}) AS bucket, ${input.function}(${value}) AS value
         FROM ${table.quoted} WHERE ${time} > now() - make_interval(secs => $2)
         GROUP BY 1 ORDER BY 1 DESC LIMIT $3`,
        [input.bucket, input.hours * 3600, input.limit],
      );
      return { buckets };
    },
  });
