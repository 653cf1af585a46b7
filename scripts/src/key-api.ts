/** LiteLLM's API of keys, as 1.77.3 has it (`/key/*`, `/v1/mcp/server`). */
import { StartError } from './errors';
import { isRecord } from './json';

export interface KeyApi {
  /** LiteLLM's address. */
  readonly url: string;
  /** Never printed. */
  readonly masterKey: string;
}

/** A key as LiteLLM lists it: `token` is the digest of its text, `key_alias` its name. */
export type ListedKey = Readonly<Record<string, unknown>>;

const timeoutMs = 30_000;

/** All keys, without their texts, which LiteLLM does not know. */
export async function allKeys(api: KeyApi): Promise<ListedKey[]> {
  const keys: ListedKey[] = [];
  for (let page = 1, pages = 1; page <= pages && page <= 1000; page += 1) {
    const answer = await ask(api, `/key/list?return_full_object=true&size=100&page=${page}`);
    if (!isRecord(answer) || !Array.isArray(answer['keys'])) throw new StartError('LiteLLM listed no keys.');
    pages = Number(answer['total_pages'] ?? 1);
    // Older ones list digests alone.
    keys.push(...answer['keys'].map((key: unknown) => (isRecord(key) ? key : { token: key })));
  }
  return keys;
}

/** The MCP servers that LiteLLM knows. */
export async function mcpServers(api: KeyApi): Promise<Readonly<Record<string, unknown>>[]> {
  const listed = await ask(api, '/v1/mcp/server');
  return (Array.isArray(listed) ? listed : []).filter(isRecord);
}

/** LiteLLM's grants are by id; people know names and aliases. */
export async function serverIds(api: KeyApi, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const servers = await mcpServers(api);
  return names.map((name) => {
    const found = servers.find((each) => each['alias'] === name || each['server_name'] === name);
    if (typeof found?.['server_id'] === 'string') return found['server_id'];
    const known = servers.map((each) => String(each['alias'] ?? each['server_name'])).join(', ');
    throw new StartError(`There is no MCP server ${name}. LiteLLM knows: ${known || 'none'}.`);
  });
}

/** One request to LiteLLM; the parsed answer. Throws `StartError` with one sentence, without the master key. */
export async function ask(api: KeyApi, path: string, body?: object): Promise<unknown> {
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
