import { z } from 'zod';
import type { Database } from '../../../kit/src/postgres';
import { defineTool } from '../../../kit/src/tool';
import { columns } from '../schema';

/** `memory_create`: keeps one memory. The same text with the same tags is kept once. */
export const createTool = (database: Database) =>
  defineTool({
    name: 'memory_create',
    description: 'Keeps one fact for later conversations. Write it so that it is understood on its own.',
    input: z.object({
      content: z.string().trim().min(1).max(20_000).describe('The fact, in full sentences'),
      tags: z.array(z.string().trim().min(1).max(100)).max(20).default([]).describe('Words to find it by'),
    }),
    writes: true,
    async run({ content, tags }) {
      const sorted = [...new Set(tags.map((tag) => tag.toLowerCase()))].sort();
      const [known] = await database.query(
        `SELECT ${columns} FROM mcp_memory.memories WHERE content = $1 AND tags = $2 LIMIT 1`,
        [content, sorted],
      );
      if (known !== undefined) return { created: false, memory: known };
      const [memory] = await database.query(
        `INSERT INTO mcp_memory.memories (content, tags) VALUES ($1, $2) RETURNING ${columns}`,
        [content, sorted],
      );
      return { created: true, memory };
    },
  });
