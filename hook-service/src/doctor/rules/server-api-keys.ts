import { doorEntry, writtenServers } from '../servers';
import type { Rule } from '../rule';

/** `api_keys` on a server: LiteLLM does not look at it. */
export const serverApiKeys: Rule = {
  ids: ['K5'],
  level: 'security',
  title: 'LiteLLM does not read api_keys of a server',
  why: 'At LiteLLM’s own /mcp/ and /v1/responses every key may use the server; only Toolturn keeps to the list.',
  *find(context) {
    const hasDoor = doorEntry(context) !== undefined;
    for (const server of writtenServers(context)) {
      const entry = server.get('api_keys');
      if (entry === undefined) continue;
      yield {
        at: entry.at,
        ...(hasDoor ? { level: 'note' as const } : {}),
        message: `api_keys of ${server.name} limits ${hasDoor ? 'Toolturn only' : 'nobody'}`,
        change: [
          'give the server access_groups and the key object_permission.mcp_access_groups, which LiteLLM checks',
        ],
      };
    }
  },
};
