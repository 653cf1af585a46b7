import { z } from 'zod';
import { defineTool, ToolFailure } from '../../../kit/src/tool';
import type { Loki } from '../loki';
import type { Netdata } from '../netdata';
import { errorPattern } from './recent-errors';

const checkedHours = 0.25;
const mostLines = 500;

/** `check_service_health`: what logs and alarms say of one container. */
export const serviceHealthTool = (loki: Loki, netdata: Netdata) =>
  defineTool({
    name: 'check_service_health',
    description:
      'How one container is: whether it writes, how many errors in 15 minutes, which alarms name it.',
    input: z.object({ service_name: z.string().min(1).max(200).describe('Name of the container') }),
    async run({ service_name: container }, signal) {
      const question = { container, hours: checkedHours };
      const [known, lines, errors, raised] = await Promise.all([
        loki.containers(signal),
        loki.lines({ ...question, limit: 1 }, signal),
        loki.lines({ ...question, pattern: errorPattern, limit: mostLines }, signal),
        netdata.raised(signal),
      ]);
      if (!known.includes(container)) {
        throw new ToolFailure(
          `No container is called ${JSON.stringify(container)}. Known: ${known.slice(0, 100).join(', ') || 'none'}.`,
        );
      }
      const alarms = raised.filter(({ chart, name }) => `${chart} ${name}`.includes(container));
      return {
        service: container,
        status: alarms.some(({ status }) => status === 'CRITICAL')
          ? 'critical'
          : errors.length > 0 || alarms.length > 0
            ? 'warning'
            : lines.length === 0
              ? 'silent'
              : 'ok',
        last_line: lines[0] ?? null,
        errors_in_15_minutes: errors.length === mostLines ? `${mostLines} or more` : errors.length,
        newest_errors: errors.slice(0, 5),
        alarms,
      };
    },
  });
