import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Loki } from '../loki';

export const hours = z.number().positive().max(168).describe('How far back, in hours; a week at most');
export const limit = z.number().int().min(1).max(500).describe('Most lines');

/** `search_logs`: lines of all containers that hold a text. */
export const searchLogsTool = (loki: Loki) =>
  defineTool({
    name: 'search_logs',
    description: 'Searches the logs of all containers for a text, newest line first.',
    input: z.object({
      query: z.string().min(1).max(500).describe('The text, in any case; no pattern'),
      hours: hours.default(1),
      limit: limit.default(100),
    }),
    run: async ({ query, ...rest }, signal) => ({
      lines: await loki.lines({ contains: query, ...rest }, signal),
    }),
  });
