import { z } from 'zod';
import { asJson, type Database } from '../../../kit/src/postgres';
import { defineTool } from '../../../kit/src/tool';

/** `tsdb_query`: one SELECT that the model wrote. */
export const queryTool = (database: Database) =>
  defineTool({
    name: 'tsdb_query',
    description: 'Runs one SELECT in a read-only transaction and gives its first rows.',
    input: z.object({
      query: z.string().min(1).max(20_000).describe('One SELECT, VALUES or WITH … SELECT'),
      limit: z.number().int().min(1).max(1000).default(100).describe('Most rows'),
    }),
    run: async ({ query, limit }) => asJson(await database.readOnly(query, { rows: limit, bytes: 100_000 })),
  });
