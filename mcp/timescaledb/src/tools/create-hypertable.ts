import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Timescale } from '../timescale';

/** `tsdb_create_hypertable`: divides an empty table by time. Offered only where writing is allowed. */
export const createHypertableTool = (timescale: Timescale) =>
  defineTool({
    name: 'tsdb_create_hypertable',
    description: 'Makes an empty table a hypertable, divided by a time column.',
    input: z.object({
      table: z.string().min(1).max(130).describe('schema.table'),
      time_column: z.string().min(1).max(63),
      chunk_interval: z
        .string()
        .regex(/^\d{1,5} (hour|day|week|month)s?$/)
        .default('7 days'),
    }),
    writes: true,
    async run(input) {
      await timescale.version();
      const table = await timescale.table(input.table);
      await timescale.column(table, input.time_column);
      const [created] = await timescale.query(
        `SELECT * FROM create_hypertable($1::regclass, $2::name, chunk_time_interval => $3::interval)`,
        [table.quoted, input.time_column, input.chunk_interval],
      );
      return created;
    },
  });
