import { DatabaseError, Pool, types, type PoolClient, type PoolConfig } from 'pg';
import type { Log } from './log';
import { ToolFailure } from './tool';

// Numbers that JavaScript cannot hold exactly stay texts; times as PostgreSQL writes them.
for (const type of [types.builtins.TIMESTAMP, types.builtins.TIMESTAMPTZ, types.builtins.DATE]) {
  types.setTypeParser(type, (text: string) => text);
}

export interface DatabaseOptions {
  /** A connection string, or its parts, in which nothing has to be encoded. */
  readonly url: string | Pick<PoolConfig, 'host' | 'port' | 'user' | 'password' | 'database' | 'ssl'>;
  /** False: every session is read-only at the database itself, whatever the role may do. */
  readonly write: boolean;
  readonly statementTimeoutMs: number;
  readonly name: string;
  /** Most connections at once. */
  readonly connections?: number;
}

/** The first rows of an answer. */
export interface Rows {
  /** Each as PostgreSQL writes it as JSON: on the way through JavaScript large numbers would lose digits. */
  readonly rows: readonly string[];
  /** True where the database had more. */
  readonly more: boolean;
}

/** How much of an answer is fetched. */
export interface Most {
  readonly rows: number;
  /** Of all rows together, in bytes of JSON. */
  readonly bytes: number;
}

/** Rows fetched at once: what one fetch can cost in memory is this many times `Most.bytes`. */
const atOnce = 50;

/** A small pool of connections to one database. */
export class Database {
  private readonly pool: Pool;
  private readonly settings: string;

  constructor(
    options: DatabaseOptions,
    private readonly log: Log,
  ) {
    this.pool = new Pool({
      ...(typeof options.url === 'string' ? { connectionString: options.url } : options.url),
      application_name: options.name,
      max: options.connections ?? 5,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      // The database ends a statement; this is for a database that does not answer any more.
      query_timeout: options.statementTimeoutMs + 5_000,
    });
    this.pool.on('error', (error) => log.error('a connection to the database was lost', { error }));
    this.settings = `SET statement_timeout = ${options.statementTimeoutMs}; SET default_transaction_read_only = ${options.write ? 'off' : 'on'}`;
    this.pool.on('connect', (client) => {
      client.query(this.settings).catch((error: unknown) => log.error('a session was not set up', { error }));
    });
  }

  /** Statements of ours with parameters. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return this.with(async (client) => (await client.query<Record<string, unknown>>(text, [...values])).rows);
  }

  /**
   * One SELECT that somebody else wrote, in a read-only transaction that is rolled back. The extended protocol takes one
   * statement only, so that none can end the transaction. A row that alone is larger than `most.bytes` never leaves the
   * database. Throws `ToolFailure` where not even the first row fits.
   */
  async readOnly(text: string, most: Most): Promise<Rows> {
    return this.inReadOnly(async (client) => {
      const statement = text.trim().replace(/;\s*$/, '');
      // Planned as it is first: so it is one whole SELECT, and what is wrong with it is told in its own words.
      await client.query(alone(`DECLARE given NO SCROLL CURSOR FOR ${statement}`));
      // The line break ends a comment behind the statement.
      const asJson = `SELECT octet_length(text) AS bytes, CASE WHEN octet_length(text) <= ${most.bytes} THEN text END AS text
        FROM (SELECT row_to_json(toolturn_row)::text AS text FROM (${statement}\n) AS toolturn_row) AS toolturn_text`;
      await client.query(alone(`DECLARE reading NO SCROLL CURSOR FOR ${asJson}`));
      const rows: string[] = [];
      for (let bytes = 0; ;) {
        const count = Math.min(atOnce, most.rows + 1 - rows.length);
        const fetched = await client.query<{ bytes: number; text: string | null }>(
          `FETCH ${count} FROM reading`,
        );
        for (const row of fetched.rows) {
          bytes += row.bytes;
          if (rows.length === most.rows) return { rows, more: true };
          if (row.text === null || bytes > most.bytes) {
            if (rows.length > 0) return { rows, more: true };
            throw new ToolFailure(
              `The first row has ${row.bytes} bytes, and an answer may have ${most.bytes}: select fewer columns, or parts such as left(column, 1000).`,
            );
          }
          rows.push(row.text);
        }
        if (fetched.rows.length < count) return { rows, more: false };
      }
    });
  }

  /** One EXPLAIN or SHOW of ours around what somebody else wrote, as `readOnly`; the lines of its first column. */
  async readOnlyLines(text: string): Promise<readonly string[]> {
    return this.inReadOnly(async (client) => {
      const { rows } = await client.query<Record<string, unknown>>(alone(text));
      return rows.map((row) => String(Object.values(row)[0]));
    });
  }

  async check(): Promise<void> {
    try {
      await this.query('SELECT 1');
    } catch {
      throw new Error('the database does not answer');
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  /** A transaction that cannot write and leaves nothing behind; a lock of a session outlives a transaction. */
  private async inReadOnly<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.with(async (client) => {
      await client.query('BEGIN TRANSACTION READ ONLY');
      try {
        return await work(client);
      } finally {
        await client.query('ROLLBACK; SELECT pg_advisory_unlock_all()');
      }
    });
  }

  private async with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      this.log.error('the database cannot be reached', { error });
      throw new ToolFailure(whyNot(error));
    }
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // A connection with an unknown state is not used again.
      client.release(!(error instanceof DatabaseError));
      throw asFailure(error);
    }
  }
}

/** The rows as one text of JSON. */
export function asJson({ rows, more }: Rows): string {
  return `{"rows": [${rows.map((row) => `\n${row}`).join(',')}], "more": ${more}}`;
}

/** A query of the extended protocol, which takes a single statement. */
const alone = (text: string) => ({ text, queryMode: 'extended' });

/** Why there is no connection, as far as that helps the model: a name that is wrong it can put right. */
function whyNot(error: unknown): string {
  const code = error instanceof DatabaseError ? error.code : undefined;
  if (code === '3D000') return 'There is no database of this name (3D000).';
  if (code === '42501') return 'The role of this server may not connect to this database (42501).';
  if (code?.startsWith('28') === true) return `The database refuses the role of this server (${code}).`;
  return 'The database cannot be reached now.';
}

/** What PostgreSQL says of a statement is written for people and holds no secrets; a driver's errors are not. */
function asFailure(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const hint = error.hint === undefined ? '' : ` Hint: ${error.hint}`;
  return new ToolFailure(`PostgreSQL refused this (${error.code ?? 'no code'}): ${error.message}.${hint}`);
}
