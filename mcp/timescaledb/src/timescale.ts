import type { Database } from '../../kit/src/postgres';
import { findTable, type Table } from '../../kit/src/tables';
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

  /** The table as PostgreSQL quotes it. */
  table(name: string): Promise<Table> {
    return findTable(this.database, name);
  }

  /** The quoted name of a column that the table really has. */
  async column(table: Pick<Table, 'schema' | 'table'>, name: string): Promise<string> {
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
