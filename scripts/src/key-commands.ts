/** LiteLLM's virtual keys over its own API; needs LiteLLM's master key and its database. */
import { StartError } from './errors';
import { isRecord } from './json';
import { allKeys, ask, serverIds, type KeyApi } from './key-api';

export interface NewKey {
  readonly alias: string;
  /** Names of models; empty: all. */
  readonly models: readonly string[];
  /** Names or aliases of MCP servers; empty: no grant is recorded. */
  readonly servers: readonly string[];
  readonly groups: readonly string[];
  /** As LiteLLM writes it, such as `30d`; absent: for ever. */
  readonly duration?: string;
  readonly user?: string;
  readonly team?: string;
}

/** Makes a key and gives its text, which LiteLLM tells this once. Throws `StartError` with one sentence. */
export async function newKey(api: KeyApi, wanted: NewKey): Promise<string> {
  const granted = await serverIds(api, wanted.servers);
  const permission = {
    ...(granted.length === 0 ? {} : { mcp_servers: granted }),
    ...(wanted.groups.length === 0 ? {} : { mcp_access_groups: wanted.groups }),
  };
  const made = await ask(api, '/key/generate', {
    key_alias: wanted.alias,
    models: wanted.models,
    ...(Object.keys(permission).length === 0 ? {} : { object_permission: permission }),
    ...(wanted.duration === undefined ? {} : { duration: wanted.duration }),
    ...(wanted.user === undefined ? {} : { user_id: wanted.user }),
    ...(wanted.team === undefined ? {} : { team_id: wanted.team }),
  });
  if (isRecord(made) && typeof made['key'] === 'string') return made['key'];
  throw new StartError('LiteLLM answered without a key.');
}

/** Aliases of all keys. */
export async function listKeys(api: KeyApi): Promise<string[]> {
  return (await allKeys(api)).map(({ key_alias: alias }) =>
    typeof alias === 'string' ? alias : '(without an alias)',
  );
}

/** Deletes a key: from then on LiteLLM refuses it. */
export async function revokeKey(api: KeyApi, alias: string): Promise<void> {
  await ask(api, '/key/delete', { key_aliases: [alias] });
}
