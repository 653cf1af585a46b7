/** The MCP servers as LiteLLM itself has registered them, beside what hook-service knows of each. */
import { StartError } from '../errors';
import { mcpServers } from '../key-api';
import type { Installation } from './installation';
import type { Row } from './rows';

export interface Registered {
  readonly server: string;
  readonly alias: string;
  readonly transport: string;
  /** Of hook-service's session: absent where it does not know the server. */
  readonly state?: string;
}

/** Asks `/v1/mcp/server`. Throws `StartError` where there is no key to ask with. */
export async function registeredServers(
  installation: Installation,
  rows: readonly Row[],
): Promise<Registered[]> {
  const masterKey = process.env.LITELLM_API_KEY || installation.variable('LITELLM_MASTER_KEY');
  if (masterKey === undefined)
    throw new StartError('Set LITELLM_API_KEY to a key that may see the servers, such as the master key.');
  const servers = await mcpServers({ url: installation.litellmUrl, masterKey });
  return servers.map((each) => {
    const word = (name: string): string => (typeof each[name] === 'string' ? each[name] : '');
    const names = [word('alias'), word('server_name')].filter((name) => name !== '');
    const row = rows.find(({ part }) => names.some((name) => part === `MCP ${name}`));
    return {
      server: word('server_name') || word('server_id'),
      alias: word('alias'),
      transport: word('transport'),
      ...(row === undefined ? {} : { state: row.state }),
    };
  });
}
