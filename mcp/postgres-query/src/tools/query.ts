import { z } from 'zod';
import { asJson } from '../../../kit/src/postgres';
import { defineTool } from '../../../kit/src/tool';
import type { Databases } from '../databases';
import { database, statement } from '../inputs';

/** `postgres_query`: one SELECT that the model wrote, or one SHOW. */
export const queryTool = (databases: Databases, mostBytes: number) =>
  defineTool({
    name: 'postgres_query',
    description: 'Runs one SELECT in a read-only transaction and gives its first rows.',
    input: z.object({
      query: statement.describe('One SELECT, VALUES, TABLE or WITH … SELECT; or SHOW and a setting'),
      database,
      limit: z.number().int().min(1).max(1000).default(100).describe('Most rows'),
    }),
    async run({ query, database: name, limit }) {
      const asked = databases.named(name);
      if (/^\s*show\s/i.test(query)) return { setting: await asked.readOnlyLines(query) };
      return asJson(await asked.readOnly(query, { rows: limit, bytes: mostBytes }));
    },
  });
