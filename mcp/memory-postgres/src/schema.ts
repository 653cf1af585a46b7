import type { Database } from '../../kit/src/postgres';

/**
 * The server's own schema; nothing else in the database is touched. Safe to run at every start, and by several
 * replicas at once (the lock is given back with the connection's transaction).
 */
export async function prepare(database: Database): Promise<void> {
  await database.query(`
    DO $$ BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('mcp_memory.schema'));
      CREATE SCHEMA IF NOT EXISTS mcp_memory;
      CREATE TABLE IF NOT EXISTS mcp_memory.memories (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        content text NOT NULL,
        tags text[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        words tsvector GENERATED ALWAYS AS (to_tsvector('simple', content)) STORED
      );
      CREATE INDEX IF NOT EXISTS memories_words ON mcp_memory.memories USING gin (words);
      CREATE INDEX IF NOT EXISTS memories_tags ON mcp_memory.memories USING gin (tags);
    END $$`);
}

/** What the model reads of a memory. A bigint would come as text. */
export const columns = `id::float8 AS id, content, tags, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at`;
