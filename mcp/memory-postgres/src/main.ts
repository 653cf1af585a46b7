#!/usr/bin/env node
import { address, commonEnvironment, readEnvironment } from '../../kit/src/environment';
import { serveOptions } from '../../kit/src/options';
import { Database } from '../../kit/src/postgres';
import { runMain } from '../../kit/src/serve';
import { prepare } from './schema';
import { createTool } from './tools/create';
import { listTool } from './tools/list';
import { searchTool } from './tools/search';

const name = 'mcp-memory-postgres';

/** Memories in PostgreSQL: what a model wants to know in another conversation. */
void runMain(name, async (log) => {
  const env = readEnvironment(
    { ...commonEnvironment, POSTGRES_URL: address('postgres:', 'postgresql:') },
    process.env,
  );
  const write = env.MCP_ALLOW_WRITE;
  const database = new Database({ url: env.POSTGRES_URL, write, statementTimeoutMs: 10_000, name }, log);
  if (write) await prepare(database);
  const tools = [...(write ? [createTool(database)] : []), searchTool(database), listTool(database)];
  return {
    service: {
      tools,
      dependencies: { database: () => database.check() },
      close: () => database.close(),
    },
    options: serveOptions(name, env),
  };
});
