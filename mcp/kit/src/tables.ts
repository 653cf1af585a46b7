import type { Database } from './postgres';
import { ToolFailure } from './tool';

/** A table, view or foreign table by its catalog. */
export interface Table {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  /** Both, as PostgreSQL quotes them. */
  readonly quoted: string;
}

/**
 * The table that a name means, `schema.table` or a name on the search path, from PostgreSQL's own catalog: a name that
 * is given is never put into a statement. Throws `ToolFailure` where there is none.
 */
export async function findTable(database: Database, name: string): Promise<Table> {
  const [schema, table] = name.includes('.') ? name.split('.', 2) : [undefined, name];
  const [row] = await database.query(
    `SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS table,
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
       AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END`,
    [table, schema ?? null],
  );
  if (row === undefined)
    throw new ToolFailure(`There is no table ${JSON.stringify(name)}. Write schema.table.`);
  return row as unknown as Table;
}
