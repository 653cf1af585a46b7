/** LiteLLM's virtual keys over its own API; needs LiteLLM's master key and its database. */
import { StartError } from './errors';
import { isRecord } from './json';

export interface KeyApi {
  /** LiteLLM's address. */
  readonly url: string;
  /** Never printed. */
  readonly masterKey: string;
}

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

const timeoutMs = 30_000;

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
  const aliases: string[] = [];
  for (let page = 1, pages = 1; page <= pages && page <= 1000; page += 1) {
    const answer = await ask(api, `/key/list?return_full_object=true&size=100&page=${page}`);
    if (!isRecord(answer) || !Array.isArray(answer['keys'])) throw new StartError('LiteLLM listed no keys.');
    pages = Number(answer['total_pages'] ?? 1);
    for (const key of answer['keys']) {
      const alias = isRecord(key) ? key['key_alias'] : undefined;
      aliases.push(typeof alias === 'string' ? alias : '(without an alias)');
    }
  }
  return aliases;
}

/** Deletes a key: from then on LiteLLM refuses it. */
export async function revokeKey(api: KeyApi, alias: string): Promise<void> {
  await ask(api, '/key/delete', { key_aliases: [alias] });
}

/** LiteLLM's grants are by id; people know names and aliases. */
async function serverIds(api: KeyApi, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const listed = await ask(api, '/v1/mcp/server');
  const servers = (Array.isArray(listed) ? listed : []).filter(isRecord);
  return names.map((name) => {
    const found = servers.find((each) => each['alias'] === name || each['server_name'] === name);
    if (typeof found?.['server_id'] === 'string') return found['server_id'];
    const known = servers.map((each) => String(each['alias'] ?? each['server_name'])).join(', ');
    throw new StartError(`There is no MCP server ${name}. LiteLLM knows: ${known || 'none'}.`);
  });
}

async function ask(api: KeyApi, path: string, body?: object): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(api.url.replace(/\/+$/, '') + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${api.masterKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    throw new StartError(`LiteLLM cannot be reached at ${api.url}: is LITELLM_URL right?`);
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const message = messageOf(answer);
  if (/no connected db|db not connected/i.test(message)) {
    throw new StartError('LiteLLM has no database, and keys need one: set DATABASE_URL for LiteLLM.');
  }
  throw new StartError(
    `LiteLLM answered ${response.status}: ${message.split('\n', 1)[0]?.slice(0, 300) ?? ''}`,
  );
}

function messageOf(answer: unknown): string {
  if (!isRecord(answer)) return 'nothing that is JSON';
  const error = isRecord(answer['error']) ? answer['error'] : answer;
  const { message, detail } = error as { message?: unknown; detail?: unknown };
  const said = message ?? (isRecord(detail) ? detail['error'] : detail);
  return typeof said === 'string' ? said : 'an error without a message';
}
