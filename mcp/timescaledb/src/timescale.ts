import type { Database } from '../../kit/src/postgres';
import { ToolFailure } from '../../kit/src/tool';

type Row = Record<string, unknown>;

/** A database that should have the extension. */
export class Timescale {
  constructor(readonly database: Database) {}

  /** Rows of one of the extension's views or functions; a clear message where the extension is missing. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    await this.version();
    return this.database.query(text, values);
  }

  /** The extension's version. Throws where it is not there. */
  async version(): Promise<string> {
    const [row] = await this.database.query(
      `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`,
    );
    if (typeof row?.['extversion'] === 'string') return row['extversion'];
    throw new ToolFailure(
      'This database does not have the extension timescaledb: an administrator has to run CREATE EXTENSION timescaledb. tsdb_query works without it.',
    );
  }

  /** The table as PostgreSQL quotes it, by its own catalog: a name that is given is never put into a statement. */
  async table(name: string): Promise<{ schema: string; table: string; quoted: string }> {
    const [schema, table] = name.includes('.') ? name.split('.', 2) : [undefined, name];
    const [row] = await this.database.query(
      `SELECT n.nspname AS schema, c.relname AS table, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm')
         AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END`,
      [table, schema ?? null],
    );
    if (row === undefined)
      throw new ToolFailure(`There is no table ${JSON.stringify(name)}. Write schema.table.`);
    return row as { schema: string; table: string; quoted: string };
  }

  /** The quoted name of a column that the table really has. */
  async column(table: { schema: string; table: string }, name: string): Promise<string> {
    const [row] = await this.database.query(
      `SELECT quote_ident(column_name) AS quoted FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2 AND column_name = $3`,
      [table.schema, table.table, name],
    );
    if (typeof row?.['quoted'] === 'string') return row['quoted'];
    const columns = await this.database.query(
      `SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) AS names FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2`,
      [table.schema, table.table],
    );
    const listed = columns[0]?.['names'];
    const names = typeof listed === 'string' ? listed : 'none';
    throw new ToolFailure(`${table.table} has no column ${JSON.stringify(name)}. It has: ${names}.`);
  }
}
