import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Loki } from '../loki';
import { hours } from './search-logs';

/** How programs write that something is wrong: as a level in JSON or logfmt, or as a word. */
export const errorPattern =
  '(?i)("?level"?[=: ]+"?(error|fatal|critical|panic)|\\b(error|exception|fatal|panic|critical)\\b)';

/** `get_recent_errors`: lines that look like errors. */
export const recentErrorsTool = (loki: Loki) =>
  defineTool({
    name: 'get_recent_errors',
    description: 'Log lines that look like errors, newest first, of all containers or of one.',
    input: z.object({
      hours: hours.default(1),
      container: z.string().min(1).max(200).optional().describe('Only this container'),
    }),
    run: async (question, signal) => ({
      lines: await loki.lines({ ...question, pattern: errorPattern, limit: 100 }, signal),
    }),
  });
