import { DatabaseError, Pool, types, type PoolClient } from 'pg';
import type { Log } from './log';
import { ToolFailure } from './tool';

// Numbers that JavaScript cannot hold exactly stay texts; times as PostgreSQL writes them.
for (const type of [types.builtins.TIMESTAMP, types.builtins.TIMESTAMPTZ, types.builtins.DATE]) {
  types.setTypeParser(type, (text: string) => text);
}

export interface DatabaseOptions {
  readonly url: string;
  /** False: every session is read-only at the database itself, whatever the role may do. */
  readonly write: boolean;
  readonly statementTimeoutMs: number;
  readonly name: string;
}

export interface Rows {
  readonly rows: readonly Record<string, unknown>[];
  /** True where the database had more. */
  readonly more: boolean;
}

/** A small pool of connections to one database. */
export class Database {
  private readonly pool: Pool;
  private readonly settings: string;

  constructor(
    options: DatabaseOptions,
    private readonly log: Log,
  ) {
    this.pool = new Pool({
      connectionString: options.url,
      application_name: options.name,
      max: 5,
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
   * One statement that somebody else wrote, in a read-only transaction that is rolled back. At most `limit` rows are
   * fetched. The extended protocol takes one statement only, so that none can end the transaction.
   */
  async readOnly(text: string, limit: number): Promise<Rows> {
    return this.with(async (client) => {
      await client.query('BEGIN TRANSACTION READ ONLY');
      try {
        const statement = text.trim().replace(/;\s*$/, '');
        const declaration = {
          text: `DECLARE reading NO SCROLL CURSOR FOR ${statement}`,
          queryMode: 'extended',
        };
        await client.query(declaration);
        const { rows } = await client.query<Record<string, unknown>>(`FETCH ${limit + 1} FROM reading`);
        return { rows: rows.slice(0, limit), more: rows.length > limit };
      } finally {
        await client.query('ROLLBACK');
      }
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

  private async with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      this.log.error('the database cannot be reached', { error });
      throw new ToolFailure('The database cannot be reached now.');
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

/** What PostgreSQL says of a statement is written for people and holds no secrets; a driver's errors are not. */
function asFailure(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const hint = error.hint === undefined ? '' : ` Hint: ${error.hint}`;
  return new ToolFailure(`PostgreSQL refused this (${error.code ?? 'no code'}): ${error.message}.${hint}`);
}
