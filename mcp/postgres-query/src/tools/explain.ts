import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Databases } from '../databases';
import { database, statement } from '../inputs';

/** `postgres_explain`: the plan of a statement. Measured only in a read-only transaction, where no write runs. */
export const explainTool = (databases: Databases) =>
  defineTool({
    name: 'postgres_explain',
    description:
      'Shows how PostgreSQL would run one statement; with analyze it runs the SELECT and measures.',
    input: z.object({
      query: statement.describe('One statement, without EXPLAIN'),
      database,
      analyze: z.boolean().default(false).describe('Run it and measure'),
    }),
    async run({ query, database: name, analyze }) {
      const options = analyze ? 'ANALYZE, BUFFERS' : 'COSTS';
      const lines = await databases.named(name).readOnlyLines(`EXPLAIN (${options}) ${query}`);
      return lines.join('\n');
    },
  });
