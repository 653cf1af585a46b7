import express, { type Request, type Response, type Router } from 'express';
import type { Callers } from '../core/callers';
import type { OfferedTool } from '../core/dialect';
import { ToolturnError } from '../core/errors';
import { isJsonObject, type JsonObject } from '../core/json';
import type { ToolResult } from '../core/ports';
import type { ServerView, ToolDoor } from '../core/tool-door';
import { headersOf } from './web';

export interface ToolRouteDeps {
  readonly callers: Callers;
  readonly door: ToolDoor;
  readonly bodyBytes: number;
}

/**
 * `GET /v1/tools`: what the caller's key may use, in the form of OpenAI's tool list, and the servers behind it.
 * `POST /v1/tools/<name>` with `{"arguments": {…}}` runs one.
 */
export function toolRoutes({ callers, door, bodyBytes }: ToolRouteDeps): Router {
  const router = express.Router();

  const visitOf = async (req: Request) => {
    const headers = headersOf(req);
    return door.visit(await callers.of(headers), headers);
  };

  router.get('/', async (req, res) => {
    const visit = await visitOf(req);
    const servers = door.servers(visit);
    const byName = new Map(servers.map((server) => [server.name, server]));
    const data = door
      .tools(visit)
      .map((tool) => entry(tool, byName.get(tool.host.server), door.warnings(visit, tool)));
    res.set('cache-control', 'no-store').json({ object: 'list', data, servers });
  });

  const json = express.json({ limit: bodyBytes });
  router.post('/:name', async (req: Request<{ name: string }>, res, next) => {
    await visitOf(req);
    json(req, res, next);
  });
  router.post('/:name', async (req: Request<{ name: string }>, res) => {
    const visit = await visitOf(req);
    const { name } = req.params;
    const result = await door.call(visit, { name, arguments: argumentsIn(req.body), signal: gone(res) });
    if (result === undefined)
      throw new ToolturnError('not_found', 'There is no tool of this name that this key may use.');
    res.json(answer(name, result));
  });
  return router;
}

function entry(
  { name, host }: OfferedTool,
  server: ServerView | undefined,
  warnings: readonly string[],
): JsonObject {
  return {
    type: 'function',
    function: { name, description: host.description ?? '', parameters: host.inputSchema },
    server: host.server,
    tool: host.tool,
    state: server?.state ?? 'failed',
    ...(server?.reason === undefined ? {} : { reason: server.reason }),
    ...(host.title === undefined ? {} : { title: host.title }),
    ...(host.annotations === undefined ? {} : { annotations: host.annotations }),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
  };
}

function argumentsIn(body: unknown): JsonObject {
  if (body === undefined) return {};
  const given = isJsonObject(body) ? (body['arguments'] ?? {}) : undefined;
  if (isJsonObject(given)) return given;
  throw new ToolturnError(
    'bad_request',
    'The body must be {"arguments": {…}}, with the arguments as an object.',
  );
}

/** A failure of the tool is an answer like any other: the request itself went well. */
function answer(tool: string, result: ToolResult): JsonObject {
  const text = result.content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
  const isError = result.failure !== undefined;
  return {
    tool,
    is_error: isError,
    ...(isError ? { failure: result.failure, error: text } : { result: result.structured ?? text }),
    content: result.whole?.['content'] ?? result.content.map((part) => ({ ...part })),
  };
}

/** Aborted when the client hangs up before it has its answer. */
function gone(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
