import { z } from 'zod';
import { defineTool, noInput, type Tool } from '../../../kit/src/tool';
import type { Timescale } from '../timescale';

const table = z.string().min(1).max(130).describe('schema.table');
const limit = z.number().int().min(1).max(500).default(100);

/** The tools that show how a database is built; all from the extension's public views (timescaledb_information). */
export const overviewTools = (timescale: Timescale): Tool[] => [
  defineTool({
    name: 'tsdb_list_hypertables',
    description: 'Lists hypertables with their dimensions, chunks, compression and size.',
    input: noInput,
    run: () =>
      timescale.query(
        `SELECT hypertable_schema AS schema, hypertable_name AS table, num_dimensions, num_chunks, compression_enabled,
                pg_size_pretty(hypertable_size(format('%I.%I', hypertable_schema, hypertable_name)::regclass)) AS size
         FROM timescaledb_information.hypertables ORDER BY 1, 2`,
      ),
  }),
  defineTool({
    name: 'tsdb_describe_table',
    description: 'The columns of a table, and how it is divided where it is a hypertable.',
    input: z.object({ table }),
    async run(input) {
      const found = await timescale.table(input.table);
      const names = [found.schema, found.table];
      const [columns, dimensions] = await Promise.all([
        timescale.query(
          `SELECT column_name AS name, data_type AS type, is_nullable = 'YES' AS nullable, column_default AS default
           FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`,
          names,
        ),
        timescale.query(
          `SELECT column_name, dimension_type, time_interval::text, num_partitions
           FROM timescaledb_information.dimensions WHERE hypertable_schema = $1 AND hypertable_name = $2
           ORDER BY dimension_number`,
          names,
        ),
      ]);
      return { schema: found.schema, table: found.table, columns, dimensions };
    },
  }),
  defineTool({
    name: 'tsdb_list_chunks',
    description: 'The chunks of a hypertable, newest first, with their times.',
    input: z.object({ table, limit }),
    async run(input) {
      const found = await timescale.table(input.table);
      return timescale.query(
        `SELECT chunk_schema, chunk_name, range_start, range_end, is_compressed
         FROM timescaledb_information.chunks WHERE hypertable_schema = $1 AND hypertable_name = $2
         ORDER BY range_start DESC LIMIT $3`,
        [found.schema, found.table, input.limit],
      );
    },
  }),
  defineTool({
    name: 'tsdb_compression_stats',
    description: 'How much compression saves, by hypertable.',
    input: noInput,
    run: () =>
      timescale.query(
        `SELECT h.hypertable_schema AS schema, h.hypertable_name AS table, s.total_chunks, s.number_compressed_chunks,
                pg_size_pretty(s.before_compression_total_bytes) AS before,
                pg_size_pretty(s.after_compression_total_bytes) AS after
         FROM timescaledb_information.hypertables h
         CROSS JOIN LATERAL hypertable_compression_stats(
           format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) s
         WHERE h.compression_enabled ORDER BY 1, 2`,
      ),
  }),
  defineTool({
    name: 'tsdb_continuous_aggregates',
    description: 'Lists continuous aggregates with what they are made of.',
    input: noInput,
    run: () =>
      timescale.query(
        `SELECT view_schema, view_name, hypertable_schema, hypertable_name, materialized_only, view_definition
         FROM timescaledb_information.continuous_aggregates ORDER BY 1, 2`,
      ),
  }),
  defineTool({
    name: 'tsdb_list_jobs',
    description: 'Background jobs (retention, compression, refresh) with their last run.',
    input: z.object({ limit }),
    run: (input) =>
      timescale.query(
        `SELECT j.job_id, j.application_name, j.hypertable_name, j.schedule_interval::text, s.last_run_status,
                s.last_run_started_at, s.next_start, s.total_failures
         FROM timescaledb_information.jobs j
         LEFT JOIN timescaledb_information.job_stats s USING (job_id) ORDER BY j.job_id LIMIT $1`,
        [input.limit],
      ),
  }),
  defineTool({
    name: 'tsdb_database_stats',
    description: 'Versions, size and connections of the database.',
    input: noInput,
    async run() {
      const version = await timescale.version();
      const [stats] = await timescale.query(
        `SELECT current_database() AS database, current_setting('server_version') AS postgresql,
                pg_size_pretty(pg_database_size(current_database())) AS size,
                (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()) AS connections,
                (SELECT count(*)::int FROM timescaledb_information.hypertables) AS hypertables`,
      );
      return { ...stats, timescaledb: version };
    },
  }),
];
