import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Databases } from '../databases';
import { database } from '../inputs';

/** `postgres_list_tables`: tables and views with what the catalog knows of their size. */
export const listTablesTool = (databases: Databases) =>
  defineTool({
    name: 'postgres_list_tables',
    description:
      'Lists tables and views of a database with kind, estimated rows, size and whether they can be read.',
    input: z.object({
      database,
      schema: z.string().min(1).max(63).optional().describe('Only this schema'),
      contains: z.string().min(1).max(63).optional().describe('Only names with this text, in any case'),
      limit: z.number().int().min(1).max(1000).default(200),
    }),
    async run({ database: name, schema, contains, limit }) {
      const tables = await databases.named(name).query(
        `SELECT n.nspname AS schema, c.relname AS name,
                CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                               WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind,
                CASE WHEN c.reltuples >= 0 AND c.relkind <> 'v' THEN c.reltuples::float8 END AS estimated_rows,
                CASE WHEN c.relkind IN ('r', 'm') THEN pg_size_pretty(pg_total_relation_size(c.oid)) END AS size,
                has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
                obj_description(c.oid, 'pg_class') AS comment
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
           AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
           AND ($1::text IS NULL OR n.nspname = $1)
           AND ($2::text IS NULL OR strpos(lower(c.relname), lower($2)) > 0)
         ORDER BY 1, 2 LIMIT $3`,
        [schema ?? null, contains ?? null, limit + 1],
      );
      return { tables: tables.slice(0, limit), more: tables.length > limit };
    },
  });
