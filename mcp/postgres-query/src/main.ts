#!/usr/bin/env node
import { z } from 'zod';
import { commonEnvironment, readEnvironment, wholeNumber } from '../../kit/src/environment';
import { serveOptions } from '../../kit/src/options';
import { Database } from '../../kit/src/postgres';
import { runMain } from '../../kit/src/serve';
import { Databases } from './databases';
import { describeTableTool } from './tools/describe-table';
import { explainTool } from './tools/explain';
import { listDatabasesTool } from './tools/list-databases';
import { listSchemasTool } from './tools/list-schemas';
import { listTablesTool } from './tools/list-tables';
import { queryTool } from './tools/query';

const name = 'mcp-postgres-query';

/** What libpq's modes mean; `require` does not look at the certificate. */
const encryption = {
  disable: false,
  require: { rejectUnauthorized: false },
  'verify-full': { rejectUnauthorized: true },
} as const;

/** The databases of one PostgreSQL server, read-only. The variables that begin with PG are those of libpq. */
void runMain(name, async (log) => {
  const env = readEnvironment(
    {
      ...commonEnvironment,
      PGHOST: z.string(),
      PGPORT: wholeNumber(1, 65_535).default(5432),
      PGUSER: z.string(),
      PGPASSWORD: z.string(),
      /** The database that is asked where none is named. */
      PGDATABASE: z.string().default('postgres'),
      PGSSLMODE: z
        .enum(['disable', 'require', 'verify-full'], { error: 'must be disable, require or verify-full' })
        .default('disable'),
      POSTGRES_DATABASES: z.string().default(''),
      POSTGRES_STATEMENT_SECONDS: wholeNumber(1, 600).default(20),
      POSTGRES_MAX_BYTES: wholeNumber(1_000, 190_000).default(100_000),
    },
    process.env,
  );
  const allowed = env.POSTGRES_DATABASES.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  const open = (database: string): Database =>
    new Database(
      {
        url: {
          host: env.PGHOST,
          port: env.PGPORT,
          user: env.PGUSER,
          password: env.PGPASSWORD,
          database,
          ssl: encryption[env.PGSSLMODE],
        },
        write: false,
        statementTimeoutMs: env.POSTGRES_STATEMENT_SECONDS * 1000,
        name,
        connections: 3,
      },
      log,
    );
  const databases = new Databases(open, env.PGDATABASE, allowed.length === 0 ? undefined : allowed);
  // Beside the others, so that it is never the one that was asked longest ago.
  const home = open(env.PGDATABASE);
  return {
    service: {
      tools: [
        listDatabasesTool(home, databases.allowed),
        queryTool(databases, env.POSTGRES_MAX_BYTES),
        listSchemasTool(databases),
        listTablesTool(databases),
        describeTableTool(databases),
        explainTool(databases),
      ],
      dependencies: { database: () => home.check() },
      async close() {
        await Promise.all([home.close(), databases.close()]);
      },
    },
    options: serveOptions(name, env),
  };
});
