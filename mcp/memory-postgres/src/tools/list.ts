import { z } from 'zod';
import type { Database } from '../../../kit/src/postgres';
import { defineTool } from '../../../kit/src/tool';
import { columns } from '../schema';

/** `memory_list`: memories by age, newest first, in pages. */
export const listTool = (database: Database) =>
  defineTool({
    name: 'memory_list',
    description: 'Lists kept memories, newest first. For the next page give the last id as "before".',
    input: z.object({
      tags: z.array(z.string()).max(20).default([]).describe('Only memories with all of these tags'),
      before: z.number().int().min(1).optional().describe('Only memories older than the one with this id'),
      limit: z.number().int().min(1).max(200).default(50),
    }),
    async run({ tags, before, limit }) {
      const memories = await database.query(
        `SELECT ${columns} FROM mcp_memory.memories
         WHERE tags @> $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [tags.map((tag) => tag.toLowerCase()), before ?? null, limit + 1],
      );
      return { memories: memories.slice(0, limit), more: memories.length > limit };
    },
  });
