import { z } from 'zod';
import { defineTool, ToolFailure } from '../../../kit/src/tool';
import type { Loki } from '../loki';
import { hours, limit } from './search-logs';

/** `get_container_logs`: what one container wrote. */
export const containerLogsTool = (loki: Loki) =>
  defineTool({
    name: 'get_container_logs',
    description: 'The log of one container, newest line first.',
    input: z.object({
      container_name: z.string().min(1).max(200),
      hours: hours.default(1),
      filter: z.string().min(1).max(500).optional().describe('Only lines with this text'),
      limit: limit.default(100),
    }),
    async run({ container_name: container, filter, ...rest }, signal) {
      const lines = await loki.lines({ container, contains: filter, ...rest }, signal);
      if (lines.length > 0 || filter !== undefined) return { lines };
      const known = await loki.containers(signal);
      if (known.includes(container)) return { lines };
      throw new ToolFailure(
        `No container is called ${JSON.stringify(container)}. Known: ${known.slice(0, 100).join(', ') || 'none'}.`,
      );
    },
  });
