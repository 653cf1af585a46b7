import { z } from 'zod';
import { findTable } from '../../../kit/src/tables';
import { defineTool } from '../../../kit/src/tool';
import type { Databases } from '../databases';
import { database } from '../inputs';

/** `postgres_describe_table`: columns, keys, constraints and indexes. */
export const describeTableTool = (databases: Databases) =>
  defineTool({
    name: 'postgres_describe_table',
    description: 'The columns of a table or view, its constraints, indexes and the tables that refer to it.',
    input: z.object({ table: z.string().min(1).max(130).describe('schema.table'), database }),
    async run({ table, database: name }) {
      const asked = databases.named(name);
      const found = await findTable(asked, table);
      const [columns, constraints, indexes, referenced] = await Promise.all([
        asked.query(
          `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
                  pg_get_expr(d.adbin, d.adrelid) AS default, col_description(a.attrelid, a.attnum) AS comment
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
          [found.oid],
        ),
        asked.query(
          `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
           WHERE conrelid = $1 ORDER BY contype DESC, conname LIMIT 200`,
          [found.oid],
        ),
        asked.query(
          `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = $1 ORDER BY 1 LIMIT 200`,
          [found.oid],
        ),
        asked.query(
          `SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS definition FROM pg_constraint
           WHERE confrelid = $1 AND contype = 'f' ORDER BY 1, 2 LIMIT 200`,
          [found.oid],
        ),
      ]);
      return {
        schema: found.schema,
        table: found.table,
        columns,
        constraints,
        indexes: indexes.map(({ definition }) => definition),
        referenced_by: referenced,
      };
    },
  });
