import { doorEntry, writtenServers } from '../servers';
import type { Rule } from '../rule';

/** Settings of a server that only Toolturn reads, in a config without Toolturn. */
export const sidecarKeys: Rule = {
  ids: ['K6'],
  level: 'warning',
  title: 'Only Toolturn reads this setting of a server',
  why: 'LiteLLM waits 60 s for a call and 30 s for a list whatever stands here, and asks nobody for approval.',
  *find(context) {
    if (doorEntry(context) !== undefined) return;
    for (const server of writtenServers(context)) {
      for (const key of ['require_approval', 'timeout', 'health_check']) {
        const entry = server.get(key);
        if (entry === undefined) continue;
        const change = 'load the door (guardrails: toolturn_guardrail.Toolturn), or take the setting out';
        yield {
          at: entry.at,
          message: `${key} of ${server.name} has no effect without Toolturn`,
          change: [change],
        };
      }
    }
  },
};
