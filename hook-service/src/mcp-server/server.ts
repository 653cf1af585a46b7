import {
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type JSONRPCRequest,
  type Result,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { FeatureList, FeatureMethod, ServerFeatures } from '../core/features';
import { ToolturnError } from '../core/errors';
import { asText, isJsonObject, type JsonObject } from '../core/json';
import type { ToolProgress } from '../core/ports';
import type { ToolDoor, Visit } from '../core/tool-door';
import { findPrompt, findResource, listFeatures } from './features';
import { callResult, toolDefinition } from './tools';

export interface ServerDeps {
  readonly door: ToolDoor;
  readonly features: ServerFeatures;
  /** Public names of the servers whose instructions are passed on (`toolturn.servers.<name>.instructions`). */
  readonly instructionsOf: ReadonlySet<string>;
  readonly callMs: number;
  /** What clients are told about us. */
  readonly serverInfo: { name: string; version: string };
}

type Handler = (params: JsonObject, context: ServerContext, visit: Visit) => Promise<object>;

const listMethods: Readonly<Record<string, FeatureList>> = {
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

/**
 * A protocol server for one connection (2025 and before) or one request (2026-07-28). `now` and `visit` are asked anew
 * for each request, since what there is and what a caller may use can change while a session lasts. Results of servers go
 * on as they came: the SDK's own handlers would refuse a whole result for one part that they do not know.
 */
export function createMcpServer(now: () => ServerDeps, visit: () => Visit): Server {
  const instructions = instructionsFor(now(), visit());
  const server = new Server(now().serverInfo, {
    capabilities: { tools: { listChanged: true }, resources: {}, prompts: {}, completions: {} },
    ...(instructions === undefined ? {} : { instructions }),
  });
  server.fallbackRequestHandler = async (request: JSONRPCRequest, context: ServerContext) => {
    const handler = handlerFor(now(), request.method);
    if (handler === undefined) throw new ProtocolError(ProtocolErrorCode.MethodNotFound, 'Method not found');
    const params = isJsonObject(request.params) ? request.params : {};
    try {
      return (await handler(params, context, visit())) as Result;
    } catch (error) {
      if (!(error instanceof ToolturnError)) throw error;
      throw new ProtocolError(ProtocolErrorCode.InvalidRequest, error.message);
    }
  };
  return server;
}

function handlerFor(deps: ServerDeps, method: string): Handler | undefined {
  const list = listMethods[method];
  if (list !== undefined)
    return async (_params, { mcpReq }, visit) => ({
      [list]: await listFeatures(deps, visit, list, mcpReq.signal),
    });
  switch (method) {
    case 'tools/list':
      return async (_params, _context, visit) => ({ tools: deps.door.tools(visit).map(toolDefinition) });
    case 'tools/call':
      return (params, context, visit) => call(deps, params, context, visit);
    case 'resources/read':
      return async (params, context, visit) => {
        const server = await findResource(deps, visit, asText(params['uri']), context.mcpReq.signal);
        return ask(deps, server, method, { uri: params['uri'] }, context);
      };
    case 'prompts/get':
      return async (params, context, visit) => {
        const { server, name } = await findPrompt(deps, visit, asText(params['name']), context.mcpReq.signal);
        return ask(deps, server, method, { name, arguments: params['arguments'] }, context);
      };
    case 'completion/complete':
      return (params, context, visit) => complete(deps, params, context, visit);
    default:
      return undefined;
  }
}

async function call(
  { door }: ServerDeps,
  params: JsonObject,
  context: ServerContext,
  visit: Visit,
): Promise<object> {
  const name = asText(params['name']);
  const args = params['arguments'] ?? {};
  if (!isJsonObject(args)) throw invalid('"arguments" must be an object.');
  const result = await door.call(visit, {
    name,
    arguments: args,
    signal: context.mcpReq.signal,
    ...progress(context),
  });
  if (result === undefined) throw invalid(`The tool ${JSON.stringify(name.slice(0, 128))} is not available.`);
  return callResult(result);
}

async function complete(
  deps: ServerDeps,
  params: JsonObject,
  context: ServerContext,
  visit: Visit,
): Promise<object> {
  const ref = isJsonObject(params['ref']) ? params['ref'] : {};
  const { signal } = context.mcpReq;
  if (ref['type'] === 'ref/prompt') {
    const { server, name } = await findPrompt(deps, visit, asText(ref['name']), signal);
    return ask(deps, server, 'completion/complete', { ...params, ref: { ...ref, name } }, context);
  }
  if (ref['type'] !== 'ref/resource') throw invalid('"ref" must name a prompt or a resource.');
  const server = await findResource(deps, visit, asText(ref['uri']), signal);
  return ask(deps, server, 'completion/complete', params, context);
}

async function ask(
  deps: ServerDeps,
  server: string,
  method: FeatureMethod,
  params: JsonObject,
  context: ServerContext,
): Promise<object> {
  // The client's token and envelope are of its own connection.
  const { _meta, ...rest } = params;
  const answer = await deps.features.ask({
    server,
    method,
    params: rest,
    signal: context.mcpReq.signal,
    timeoutMs: deps.callMs,
    ...progress(context),
  });
  if ('result' in answer) return answer.result;
  throw new ProtocolError(answer.error.code, answer.error.message, answer.error.data);
}

/** Progress goes on under the token that the client chose; one who gave none hears nothing. */
function progress({ mcpReq }: ServerContext): { onProgress?: (progress: ToolProgress) => void } {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return {};
  return {
    onProgress(progress) {
      const params = { progressToken, ...progress };
      // A client that has gone misses it; the call goes on or is cancelled by its own rules.
      mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
    },
  };
}

function instructionsFor({ door, features, instructionsOf }: ServerDeps, visit: Visit): string | undefined {
  const texts = door.serverNames(visit).flatMap((name) => {
    const text = instructionsOf.has(name) ? features.instructions(name) : undefined;
    return text === undefined ? [] : [visit.server === undefined ? `${name}: ${text}` : text];
  });
  return texts.length === 0 ? undefined : texts.join('\n\n');
}

const invalid = (message: string): ProtocolError =>
  new ProtocolError(ProtocolErrorCode.InvalidParams, message);
