import { createHash } from 'node:crypto';
import type { ServerEntry } from './server-entry';

/**
 * The ids that LiteLLM gives a server of its config: the first 32 hex digits of the SHA-256 of
 * `name|url|transport|auth_type|alias` (`_generate_stable_server_id` in 1.77.3 and 1.106.2), or `server_id` where newer
 * versions read one. Grants made in its admin pages name servers so. More than one is possible: an alias from
 * `mcp_aliases` counts in some versions only, and Python's version decides how a transport that is not written is spelled.
 */
export function litellmIds(name: string, publicName: string, entry: ServerEntry): string[] {
  const aliases =
    entry.alias === undefined ? ['', ...(publicName === name ? [] : [publicName])] : [entry.alias];
  const transports = entry.transport === undefined ? ['http', 'MCPTransport.http'] : [entry.transport];
  const made = aliases.flatMap((alias) =>
    transports.map((transport) =>
      createHash('sha256')
        .update([name, entry.url ?? '', transport, entry.auth_type ?? '', alias].join('|'))
        .digest('hex')
        .slice(0, 32),
    ),
  );
  return entry.server_id === undefined ? made : [entry.server_id, ...made];
}
