/**
 * `keys.yaml`: every key with its grants, and the variable that holds its text. From it and an env file the same keys
 * can be made again after LiteLLM's database was lost. The file itself holds no secret.
 */
import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { StartError } from './errors';
import { isRecord } from './json';
import { allKeys, ask, mcpServers, type KeyApi } from './key-api';
import { durationLeft, grantsOf } from './key-grants';

/** The variable for a key's text. */
export const variableOf = (alias: string): string =>
  `TOOLTURN_KEY_${alias.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;

const digestOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** The content of keys.yaml for the keys that LiteLLM has; those without an alias are only counted. */
export async function exportKeys(api: KeyApi): Promise<{ text: string; count: number; unnamed: number }> {
  const [keys, servers] = [await allKeys(api), await mcpServers(api)];
  const nameOf = (id: unknown): unknown => {
    const server = servers.find((each) => each['server_id'] === id);
    return server?.['alias'] ?? server?.['server_name'] ?? id;
  };
  const named = keys.filter(({ key_alias: alias }) => typeof alias === 'string' && alias !== '');
  const entries = named.map((key) => {
    const { object_permission: permission, ...grants } = grantsOf(key);
    const alias = String(key['key_alias']);
    const recorded = isRecord(permission) ? permission : {};
    // Ids of servers change with their entries; names are what people mean.
    const ids = Array.isArray(recorded['mcp_servers']) ? recorded['mcp_servers'] : [];
    return {
      alias,
      key: `os.environ/${variableOf(alias)}`,
      sha256: key['token'],
      ...(durationLeft(key) === undefined ? {} : { expires: key['expires'] }),
      ...grants,
      ...(Object.keys(recorded).length === 0
        ? {}
        : {
            object_permission: { ...recorded, ...(ids.length === 0 ? {} : { mcp_servers: ids.map(nameOf) }) },
          }),
    };
  });
  const head =
    '# The keys of LiteLLM. `key` names the variable with the text of each; ./scripts/key restore makes them again.\n';
  return {
    text: head + stringify({ keys: entries }),
    count: named.length,
    unnamed: keys.length - named.length,
  };
}

/** One line for each key of the file: `made`, `there`, or `expired`. Throws `StartError` before anything is made. */
export async function restoreKeys(
  api: KeyApi,
  text: string,
  file: string,
  variable: (name: string) => string | undefined,
  now = Date.now(),
): Promise<{ alias: string; result: 'made' | 'there' | 'expired' }[]> {
  const wanted = readKeysFile(text, file);
  const problems: string[] = [];
  const values = wanted.map(({ alias, source, sha256 }) => {
    const value = variable(source);
    if (value === undefined) problems.push(`${alias}: ${source} is not set`);
    else if (!value.startsWith('sk-'))
      problems.push(`${alias}: the value of ${source} is no key, which begins with sk-`);
    else if (sha256 !== undefined && digestOf(value) !== sha256)
      problems.push(`${alias}: ${source} holds another key than the one that was exported`);
    return value ?? '';
  });
  if (problems.length > 0) throw new StartError(`${file}: ${problems.join('; ')}. Nothing was made.`);
  const there = await allKeys(api);
  wanted.forEach(({ alias }, index) => {
    const same = there.find(({ key_alias: known }) => known === alias);
    if (same !== undefined && same['token'] !== digestOf(values[index] ?? '')) problems.push(alias);
  });
  if (problems.length > 0)
    throw new StartError(
      `Other keys have these aliases: ${problems.join(', ')}. Revoke them, or take them out of ${file}. Nothing was made.`,
    );
  const servers = wanted.some(({ grants }) => isRecord(grants['object_permission']))
    ? await mcpServers(api)
    : [];
  const bodies = wanted.map(({ grants }) => withServerIds(grants, servers));
  const results: { alias: string; result: 'made' | 'there' | 'expired' }[] = [];
  for (const [index, { alias, expires }] of wanted.entries()) {
    const left = expires === undefined ? undefined : Math.floor((Date.parse(expires) - now) / 1000);
    if (there.some(({ token }) => token === digestOf(values[index] ?? ''))) {
      results.push({ alias, result: 'there' });
    } else if (left !== undefined && left <= 0) {
      results.push({ alias, result: 'expired' });
    } else {
      const duration = left === undefined ? {} : { duration: `${left}s` };
      await ask(api, '/key/generate', {
        ...bodies[index],
        key: values[index],
        key_alias: alias,
        ...duration,
      });
      results.push({ alias, result: 'made' });
    }
  }
  return results;
}

interface DeclaredKey {
  readonly alias: string;
  /** The variable with the key's text. */
  readonly source: string;
  readonly sha256?: string;
  readonly expires?: string;
  readonly grants: Readonly<Record<string, unknown>>;
}

function readKeysFile(text: string, file: string): DeclaredKey[] {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new StartError(`${file} is not valid YAML: ${String((error as Error).message).split('\n')[0]}`);
  }
  const list = isRecord(content) ? content['keys'] : undefined;
  if (!Array.isArray(list)) throw new StartError(`${file} must have a list under keys:.`);
  const declared = list.map((entry: unknown, index) => {
    const { alias, key, sha256, expires, ...grants } = isRecord(entry) ? entry : {};
    const source = typeof key === 'string' ? /^os\.environ\/(\w+)$/.exec(key)?.[1] : undefined;
    if (typeof alias !== 'string' || alias === '')
      throw new StartError(`${file}: entry ${index + 1} of keys has no alias.`);
    if (source === undefined)
      throw new StartError(
        `${file}: key of ${alias} must be os.environ/NAME; its text belongs in an env file.`,
      );
    if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires))))
      throw new StartError(`${file}: expires of ${alias} is no time.`);
    return {
      alias,
      source,
      grants,
      ...(typeof sha256 === 'string' ? { sha256 } : {}),
      ...(typeof expires === 'string' ? { expires } : {}),
    };
  });
  const twice = declared.find(
    ({ alias }, index) => declared.findIndex((each) => each.alias === alias) !== index,
  );
  if (twice !== undefined) throw new StartError(`${file}: ${twice.alias} stands there twice.`);
  return declared;
}

function withServerIds(
  grants: Readonly<Record<string, unknown>>,
  servers: readonly Readonly<Record<string, unknown>>[],
): Record<string, unknown> {
  const permission = grants['object_permission'];
  if (!isRecord(permission) || !Array.isArray(permission['mcp_servers'])) return { ...grants };
  const ids = permission['mcp_servers'].map((name: unknown) => {
    const found = servers.find((each) =>
      [each['alias'], each['server_name'], each['server_id']].includes(name),
    );
    if (found === undefined)
      throw new StartError(
        `LiteLLM has no MCP server ${String(name)}: add it to the config first. Nothing was made.`,
      );
    return found['server_id'];
  });
  return { ...grants, object_permission: { ...permission, mcp_servers: ids } };
}
