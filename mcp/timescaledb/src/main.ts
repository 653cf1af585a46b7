#!/usr/bin/env node
import { address, commonEnvironment, readEnvironment, wholeNumber } from '../../kit/src/environment';
import { serveOptions } from '../../kit/src/options';
import { Database } from '../../kit/src/postgres';
import { runMain } from '../../kit/src/serve';
import { Timescale } from './timescale';
import { createHypertableTool } from './tools/create-hypertable';
import { overviewTools } from './tools/overview';
import { queryTool } from './tools/query';
import { timeBucketTool } from './tools/time-bucket';

const name = 'mcp-timescaledb';

/** Time series in TimescaleDB, read-only unless writing is allowed. */
void runMain(name, async (log) => {
  const env = readEnvironment(
    {
      ...commonEnvironment,
      TIMESCALEDB_URL: address('postgres:', 'postgresql:'),
      TIMESCALEDB_STATEMENT_SECONDS: wholeNumber(1, 600).default(20),
    },
    process.env,
  );
  const write = env.MCP_ALLOW_WRITE;
  const database = new Database(
    { url: env.TIMESCALEDB_URL, write, statementTimeoutMs: env.TIMESCALEDB_STATEMENT_SECONDS * 1000, name },
    log,
  );
  const timescale = new Timescale(database);
  return {
    service: {
      tools: [
        queryTool(database),
        timeBucketTool(timescale),
        ...overviewTools(timescale),
        ...(write ? [createHypertableTool(timescale)] : []),
      ],
      dependencies: { database: () => database.check() },
      close: () => database.close(),
    },
    options: serveOptions(name, env),
  };
});
