import type { RemoteServer, ServerConfig, StdioServer } from '../core/servers';
import { authValue, remoteHeaders } from './auth-headers';
import { check, type Context } from './check';
import { sha256 } from './hashes';
import { litellmIds } from './litellm-ids';
import type { Path } from './problems';
import { type ServerEntry, serverEntrySchema } from './server-entry';
import {
  warnIfGiven,
  warnOfArguments,
  warnOfAuth,
  warnOfKeys,
  warnOfPath,
  warnOfTimeout,
  warnOfTransport,
} from './server-warnings';
import { isMap, type Plain, withoutNulls } from './values';

/** Compiles one entry of `mcp_servers`; undefined where it is wrong, which is then reported. */
export function compileServer(
  name: string,
  value: Plain,
  publicName: string,
  callMs: number,
  context: Context,
): ServerConfig | undefined {
  const path = ['mcp_servers', name];
  const written = withoutNulls(value, 1);
  const entry = check(serverEntrySchema, written, path, context);
  if (isMap(written)) {
    warnOfKeys(written, path, context);
    warnOfTransport(path, written['transport'], context);
  }
  if (entry === undefined) return undefined;
  warnOfTimeout(entry, callMs, path, context);
  const common = {
    name,
    publicName,
    timeoutMs: entry.timeout ?? callMs,
    requireApproval: entry.require_approval,
    litellmIds: litellmIds(name, publicName, entry),
    ...(entry.description !== undefined && { description: entry.description }),
    ...pricesOf(entry),
    ...(entry.access_groups && { accessGroups: entry.access_groups }),
    ...(entry.allowed_tools && { allowedTools: entry.allowed_tools }),
    ...(entry.disallowed_tools && { disallowedTools: entry.disallowed_tools }),
    ...(entry.api_keys && { allowedKeyHashes: keyHashes(entry.api_keys, path, context) }),
  };
  const isStdio = entry.transport === 'stdio' || (entry.transport === undefined && isCommand(entry));
  return isStdio ? stdioServer(entry, common, path, context) : remoteServer(entry, common, path, context);
}

/** Prices as LiteLLM writes them, without those that are left open. */
function pricesOf({ mcp_info: info }: ServerEntry): Pick<ServerConfig, 'prices'> {
  const written = info?.mcp_server_cost_info;
  const perCall = written?.default_cost_per_query;
  const tools = Object.entries(written?.tool_name_to_cost_per_query ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  if (typeof perCall !== 'number' && tools.length === 0) return {};
  return {
    prices: {
      ...(typeof perCall === 'number' ? { perCall } : {}),
      ...(tools.length === 0 ? {} : { tools: Object.fromEntries(tools) }),
    },
  };
}

type Common = Omit<StdioServer, 'transport' | 'command' | 'args' | 'env' | 'cwd'>;

function stdioServer(
  entry: ServerEntry,
  common: Common,
  path: Path,
  context: Context,
): StdioServer | undefined {
  const { values, problems } = context;
  const at = values.markOf(path);
  if (entry.command === undefined) {
    problems.error(path, at, 'has transport: stdio, so it needs a command:');
    return undefined;
  }
  if (entry.transport === undefined) {
    problems.warn(path, at, 'is run as a command here; LiteLLM needs transport: stdio for that, so write it');
  }
  warnOfArguments(entry, path, context);
  warnIfGiven(['url', 'auth_type', 'auth_value', 'headers', 'static_headers'], 'a command', path, context);
  for (const secret of Object.values(entry.env)) values.keepSecret(secret);
  return {
    ...common,
    transport: 'stdio',
    command: entry.command,
    args: entry.args,
    env: entry.env,
    ...(entry.cwd !== undefined && { cwd: entry.cwd }),
  };
}

function remoteServer(
  entry: ServerEntry,
  common: Common,
  path: Path,
  context: Context,
): RemoteServer | undefined {
  const { values, problems } = context;
  const urlPath = [...path, 'url'];
  if (entry.url === undefined) {
    problems.error(path, values.markOf(path), 'needs a url: (or a command: and transport: stdio)');
    return undefined;
  }
  const url = httpUrl(entry.url);
  if (url === undefined) {
    problems.error(
      urlPath,
      values.markOf(urlPath),
      'must be a complete address such as http://host:8000/mcp',
    );
    return undefined;
  }
  // LiteLLM 1.77.3 takes http where nothing is said; older versions and some guides say sse.
  const transport = entry.transport === 'sse' ? 'sse' : 'http';
  warnOfPath(url, transport, path, context);
  warnOfAuth(entry, path, context);
  warnIfGiven(['command', 'args', 'env', 'cwd'], 'a url', path, context);
  const headers = remoteHeaders(entry, url);
  const areGood = Object.entries(headers).every(([name, value]) => isGoodHeader(name, value, path, context));
  if (!areGood) return undefined;
  for (const secret of [...Object.values(headers), authValue(entry) ?? '', url.password])
    values.keepSecret(secret);
  return {
    ...common,
    transport,
    url: withoutUser(entry.url, url),
    headers,
    ...(entry.auth_type !== undefined && entry.auth_type !== 'none' && { authType: entry.auth_type }),
    ...(entry.health_check !== undefined && { healthCheck: entry.health_check }),
  };
}

function isGoodHeader(name: string, value: string, path: Path, { values, problems }: Context): boolean {
  const key = ['static_headers', 'headers'].find((map) => values.has([...path, map, name]));
  const at = key === undefined ? [...path, 'auth_value'] : [...path, key, name];
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    problems.error(at, values.markOf(at), 'is no name of an HTTP header');
    return false;
  }
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return true;
  const message = 'holds a line break or another character that no HTTP header may hold';
  problems.error(at, values.markOf(at), `${message}; often the end of the line of a file it was read from`);
  return false;
}

function keyHashes(keys: readonly string[], path: Path, { values, problems }: Context): string[] {
  if (keys.length === 0) {
    const at = [...path, 'api_keys'];
    problems.warn(
      at,
      values.markOf(at),
      'is empty, so no key may use this server; leave it out to let every key',
    );
  }
  return keys.map((key, index) => {
    if (/^[0-9a-f]{64}$/i.test(key)) return key.toLowerCase();
    values.keepSecret(key);
    if (!key.startsWith('sk-')) {
      const at = [...path, 'api_keys', index];
      problems.warn(at, values.markOf(at), 'does not begin with sk-, as every virtual key of LiteLLM does');
    }
    return sha256(key);
  });
}

function httpUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** Node's fetch refuses an address with a user in it; that part has become a header. */
function withoutUser(written: string, url: URL): string {
  if (url.username === '' && url.password === '') return written;
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

function isCommand(entry: ServerEntry): boolean {
  return entry.url === undefined && entry.command !== undefined;
}
