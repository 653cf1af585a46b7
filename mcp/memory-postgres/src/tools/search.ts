import { z } from 'zod';
import type { Database } from '../../../kit/src/postgres';
import { defineTool } from '../../../kit/src/tool';
import { columns } from '../schema';

/** `memory_search`: memories that hold any of the words, best first. */
export const searchTool = (database: Database) =>
  defineTool({
    name: 'memory_search',
    description: 'Finds kept memories by words; the best match comes first. Parts of words count too.',
    input: z.object({
      query: z.string().trim().min(1).max(1000).describe('Words, in any order'),
      tags: z.array(z.string()).max(20).default([]).describe('Only memories with all of these tags'),
      limit: z.number().int().min(1).max(100).default(10),
    }),
    async run({ query, tags, limit }) {
      const words = query.split(/\s+/).slice(0, 20);
      // A word counts as a whole (better) or as a part of one; LIKE's own signs are taken literally.
      const memories = await database.query(
        `SELECT ${columns} FROM (
           SELECT *, ts_rank(words, to_tsquery('simple', $1)) + (
             SELECT count(*) FROM unnest($2::text[]) AS part WHERE content ILIKE part
           ) * 0.01 AS score
           FROM mcp_memory.memories
           WHERE (words @@ to_tsquery('simple', $1) OR content ILIKE ANY ($2)) AND tags @> $3
         ) AS found ORDER BY score DESC, id DESC LIMIT $4`,
        [anyOf(words), words.map(likePart), tags.map((tag) => tag.toLowerCase()), limit],
      );
      return { memories };
    },
  });

/** A query of PostgreSQL's text search: any of the words. Quoted, so that no sign in them means anything. */
function anyOf(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`).join(' | ');
}

const likePart = (word: string): string => `%${word.replace(/[\\%_]/g, '\\$&')}%`;
