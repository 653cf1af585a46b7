import { createHash } from 'node:crypto';
import type { ServerEntry } from './server-entry';

/** What of a server's entry goes into its id. */
export interface IdentifiedServer {
  readonly name: string;
  readonly url?: string | undefined;
  readonly transport?: string | undefined;
  readonly authType?: string | undefined;
  /** More than one where versions of LiteLLM do not agree. */
  readonly aliases: readonly string[];
}

/**
 * The ids that LiteLLM gives a server of its config: the first 32 hex digits of the SHA-256 of
 * `name|url|transport|auth_type|alias` (`_generate_stable_server_id` in 1.77.3 and 1.106.2). Grants made in its admin
 * pages name servers so. Python's version decides how a transport that is not written is spelled.
 */
export function idsOf({ name, url = '', transport, authType = '', aliases }: IdentifiedServer): string[] {
  const transports = transport === undefined ? ['http', 'MCPTransport.http'] : [transport];
  return aliases.flatMap((alias) =>
    transports.map((each) =>
      createHash('sha256').update([name, url, each, authType, alias].join('|')).digest('hex').slice(0, 32),
    ),
  );
}

/** All ids of one entry, or its `server_id` where newer versions read one. An alias of `mcp_aliases` counts in some. */
export function litellmIds(name: string, publicName: string, entry: ServerEntry): string[] {
  const { url, transport, auth_type: authType, server_id: given } = entry;
  const aliases =
    entry.alias === undefined ? ['', ...(publicName === name ? [] : [publicName])] : [entry.alias];
  const made = idsOf({ name, url, transport, authType, aliases });
  return given === undefined ? made : [given, ...made];
}
