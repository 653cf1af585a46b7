import { healthOf } from '../health';
import type { Rule } from '../rule';

/** A health check that is switched off. */
export const healthDisabled: Rule = {
  ids: ['K27'],
  level: 'warning',
  title: 'The health check is switched off',
  why: 'Nothing says that the service hangs, and what waits for it starts too early.',
  *find(context) {
    for (const service of context.services) {
      const health = healthOf(service);
      if (health?.isOff === true)
        yield {
          at: health.at,
          message: `${service.name} has no health check`,
          change: ['a check by TCP or MCP, with what the image has'],
        };
    }
  },
};
