import type { RequireApproval } from './approval-policy';
import { ToolturnError } from './errors';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { HostTool } from './ports';
import type { ServerConfig } from './servers';

/** What a request asks for: these servers, and of each these tools or all. Plain data, so that the door can carry it. */
export interface Selection {
  readonly servers: readonly SelectedServer[];
}

export interface SelectedServer {
  readonly server: string;
  readonly tools?: readonly string[];
  /** Which of its tools the request wants people to be asked about; absent: none. */
  readonly approval?: RequireApproval;
}

/** The request without what was meant for us, and what that was. */
export interface SelectedRequest {
  readonly body: JsonObject;
  /** Absent: nothing was said, everything the caller may have. */
  readonly selection?: Selection;
}

/**
 * Reads what a request says about MCP: the header `x-mcp-servers` (names or aliases, comma list) and
 * `x-mcp-access-groups`, as on LiteLLM's own MCP endpoint, and entries `{"type": "mcp"}` of `tools` whose
 * `server_url` begins with `litellm_proxy` (OpenAI's remote MCP tool, as LiteLLM reads it). Such entries are taken
 * out, so that LiteLLM 1.77.3 does not execute them too; entries for other servers are the provider's and stay.
 * Throws `bad_request` for a name that is not known: silence would mean every server.
 */
export function readSelection(
  headers: Readonly<Record<string, string>>,
  body: JsonObject,
  servers: readonly ServerConfig[],
): SelectedRequest {
  const byHeader = headerServers(headers, servers);
  const { rest, declared } = takeDeclarations(body, servers);
  const selections = [byHeader, declared].filter((each) => each !== undefined);
  const [first, second] = selections;
  if (first === undefined) return { body: rest };
  return { body: rest, selection: second === undefined ? first : both(first, second) };
}

/** True for the tools that a selection names; everything where there is none. */
export function selects(selection: Selection | undefined, tool: HostTool): boolean {
  if (selection === undefined) return true;
  return selection.servers.some(
    ({ server, tools }) => server === tool.server && (tools === undefined || tools.includes(tool.tool)),
  );
}

function headerServers(
  headers: Readonly<Record<string, string>>,
  servers: readonly ServerConfig[],
): Selection | undefined {
  const chosen = chosenServers(headers, servers);
  return chosen === undefined ? undefined : { servers: chosen.map((server) => ({ server })) };
}

/** Public names of the servers that `x-mcp-servers` and `x-mcp-access-groups` choose; undefined where neither says any. */
export function chosenServers(
  headers: Readonly<Record<string, string>>,
  servers: readonly ServerConfig[],
): readonly string[] | undefined {
  const names = list(headers['x-mcp-servers']);
  const groups = list(headers['x-mcp-access-groups']);
  if (names === undefined && groups === undefined) return undefined;
  const byName = (names ?? []).map((name) => serverNamed(name, servers, 'x-mcp-servers'));
  const byGroup = (groups ?? []).flatMap((group) => serversInGroup(group, servers));
  return unique([...byName, ...byGroup]);
}

function takeDeclarations(
  body: JsonObject,
  servers: readonly ServerConfig[],
): { rest: JsonObject; declared?: Selection } {
  const tools = body['tools'];
  if (!Array.isArray(tools)) return { rest: body };
  const ours = tools.filter(isOurs);
  if (ours.length === 0) return { rest: body };
  const left = tools.filter((tool) => !isOurs(tool));
  const { tools: _tools, ...others } = body;
  return {
    rest: left.length === 0 ? others : { ...body, tools: left },
    declared: { servers: ours.flatMap((entry) => declaredServers(entry, servers)) },
  };
}

function isOurs(entry: Json): entry is JsonObject {
  // A connector is OpenAI's own (`connector_id`).
  if (!isJsonObject(entry) || entry['type'] !== 'mcp' || entry['connector_id'] !== undefined) return false;
  const url = entry['server_url'];
  return url === undefined || (typeof url === 'string' && url.startsWith('litellm_proxy'));
}

function declaredServers(entry: JsonObject, servers: readonly ServerConfig[]): Selection['servers'] {
  const url = typeof entry['server_url'] === 'string' ? entry['server_url'] : undefined;
  const path = url?.replace(/^litellm_proxy\/?(?:mcp\/?)?/, '');
  const label = typeof entry['server_label'] === 'string' ? entry['server_label'] : '';
  // `litellm_proxy` alone means all servers; without a URL the label is the name.
  const names = url === undefined ? [label] : list(path);
  const chosen =
    names === undefined
      ? servers.map((server) => server.publicName)
      : names.map((name) => serverNamed(name, servers, 'tools[].server_url'));
  const tools = allowedTools(entry['allowed_tools']);
  return chosen.map((server): SelectedServer => {
    const approval = wantedApproval(entry['require_approval'], server);
    return {
      server,
      ...(tools === undefined ? {} : { tools: withoutPrefix(tools, server) }),
      ...(approval === undefined ? {} : { approval }),
    };
  });
}

/** `require_approval` as OpenAI has it; `never` where nothing is said, as LiteLLM's clients mean it. */
function wantedApproval(value: Json | undefined, server: string): RequireApproval | undefined {
  if (value === 'always') return 'always';
  if (!isJsonObject(value)) return undefined;
  const names = (field: string): string[] | undefined => {
    const listed = allowedTools(value[field]);
    return listed === undefined ? undefined : withoutPrefix(listed, server);
  };
  const [always, never] = [names('always'), names('never')];
  return { ...(always === undefined ? {} : { always }), ...(never === undefined ? {} : { never }) };
}

/** A list of names, or OpenAI's `{tool_names: […]}`. */
function allowedTools(value: Json | undefined): string[] | undefined {
  const names = isJsonObject(value) ? value['tool_names'] : value;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : undefined;
}

/** Tool names are understood as the server, LiteLLM (`server-tool`) and Toolturn (`server__tool`) write them. */
function withoutPrefix(tools: readonly string[], server: string): string[] {
  return tools.flatMap((tool) => {
    const bare = [`${server}__`, `${server}-`]
      .filter((prefix) => tool.startsWith(prefix))
      .map((prefix) => tool.slice(prefix.length));
    return [tool, ...bare];
  });
}

function serverNamed(name: string, servers: readonly ServerConfig[], where: string): string {
  const found = servers.find((server) => server.publicName === name || server.name === name);
  if (found !== undefined) return found.publicName;
  throw new ToolturnError(
    'bad_request',
    `${where} names an MCP server that is not known: ${JSON.stringify(name.slice(0, 80))}.`,
  );
}

function serversInGroup(group: string, servers: readonly ServerConfig[]): string[] {
  const found = servers
    .filter((server) => server.accessGroups?.includes(group))
    .map((server) => server.publicName);
  if (found.length > 0) return found;
  throw new ToolturnError(
    'bad_request',
    `x-mcp-access-groups names a group that no MCP server is in: ${JSON.stringify(group.slice(0, 80))}.`,
  );
}

function both(left: Selection, right: Selection): Selection {
  const names = new Set(left.servers.map((each) => each.server));
  return { servers: right.servers.filter((each) => names.has(each.server)) };
}

function list(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 ? undefined : names;
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];
