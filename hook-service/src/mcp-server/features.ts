import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  UriTemplate,
} from '@modelcontextprotocol/server';
import type { FeatureList, ServerFeatures } from '../core/features';
import { asText, type JsonObject } from '../core/json';
import { offeredName } from '../core/naming';
import type { ToolDoor, Visit } from '../core/tool-door';

interface Deps {
  readonly door: ToolDoor;
  readonly features: ServerFeatures;
}

/** One thing of one server. */
interface Found {
  readonly server: string;
  readonly item: JsonObject;
}

/**
 * One list over all servers of the visit, in their order. Prompts get the server's name in front, as tools do, where
 * there may be several servers; URIs stay as they are, because results and clients refer to them.
 */
export async function listFeatures(
  deps: Deps,
  visit: Visit,
  list: FeatureList,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const found = await all(deps, visit, list, signal);
  if (list !== 'prompts') return uniqueBy(found, list === 'resources' ? 'uri' : 'uriTemplate');
  return found.map(({ server, item }) => ({ ...item, name: promptName(visit, server, item) }));
}

/** The server and own name of a prompt. Throws where there is none that the visitor may use. */
export async function findPrompt(
  deps: Deps,
  visit: Visit,
  name: string,
  signal: AbortSignal,
): Promise<{ server: string; name: string }> {
  const prompts = await all(deps, visit, 'prompts', signal);
  const found = prompts.find(({ server, item }) => promptName(visit, server, item) === name);
  if (found === undefined)
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `The prompt ${JSON.stringify(name.slice(0, 128))} is not available.`,
    );
  return { server: found.server, name: asText(found.item['name']) };
}

/**
 * The server of a resource: the first one that lists its URI, or else a template that fits (or is it). A URI that
 * nobody lists is asked of a server only where there is just one that has resources: it may be nobody else's business.
 */
export async function findResource(
  deps: Deps,
  visit: Visit,
  uri: string,
  signal: AbortSignal,
): Promise<string> {
  const [resources, templates] = await Promise.all([
    all(deps, visit, 'resources', signal),
    all(deps, visit, 'resourceTemplates', signal),
  ]);
  const found =
    resources.find(({ item }) => item['uri'] === uri) ??
    templates.find(({ item }) => item['uriTemplate'] === uri || fits(asText(item['uriTemplate']), uri));
  if (found !== undefined) return found.server;
  const servers = [...new Set([...resources, ...templates].map(({ server }) => server))];
  const only = visit.server ?? (servers.length === 1 ? servers[0] : undefined);
  if (only !== undefined) return only;
  throw new ResourceNotFoundError(
    uri.slice(0, 1000),
    'No MCP server lists this resource. Where its server is known, read it at /mcp/<server>.',
  );
}

async function all(deps: Deps, visit: Visit, list: FeatureList, signal: AbortSignal): Promise<Found[]> {
  const servers = deps.door.serverNames(visit);
  const lists = await Promise.all(
    servers.map(async (server) =>
      (await deps.features.list(server, list, signal)).map((item) => ({ server, item })),
    ),
  );
  return lists.flat();
}

function promptName(visit: Visit, server: string, item: JsonObject): string {
  const name = asText(item['name']);
  return visit.server === undefined ? offeredName(server, name) : name;
}

function uniqueBy(found: readonly Found[], key: string): JsonObject[] {
  const byKey = new Map<unknown, JsonObject>();
  for (const { item } of found) if (!byKey.has(item[key])) byKey.set(item[key], item);
  return [...byKey.values()];
}

/** The SDK's templates bound their own length and that of what they match. */
function fits(template: string, uri: string): boolean {
  try {
    return new UriTemplate(template).match(uri) !== null;
  } catch {
    return false;
  }
}
