import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { scopeOf } from '../core/caller';
import type { Callers } from '../core/callers';
import { isJsonObject } from '../core/json';
import { idHeader, type McpEndpoint } from '../core/mcp-endpoint';
import type { Log } from '../core/ports';
import type { ToolDoor } from '../core/tool-door';
import { asToolturnError, refuse } from './refuse';
import { headersOf, sendWebResponse, webRequest } from './web';

export interface McpRouteDeps {
  readonly callers: Callers;
  readonly door: ToolDoor;
  readonly endpoint: McpEndpoint;
  readonly bodyBytes: number;
  /** Looks at a request first. */
  readonly before: RequestHandler;
  readonly log: Log;
}

/** JSON-RPC: what could not be read, and what was refused before the protocol saw it. */
const codes = { parse: -32700, refused: -32001 };

/** `/mcp` for all servers and `/mcp/<server>` for one: POST, and GET and DELETE of sessions. */
export function mcpRoutes(deps: McpRouteDeps): Router {
  const router = express.Router();
  const left = new Set([...deps.callers.headerNames, 'cookie']);

  const handle = async (req: Request<{ server?: string }>, res: Response): Promise<void> => {
    const headers = headersOf(req);
    const caller = await deps.callers.of(headers);
    const visit = await deps.door.visit(caller, headers, req.params.server);
    const owner = JSON.stringify([scopeOf(caller), visit.server ?? null]);
    const body: unknown = req.method === 'POST' ? withId(req.body, req.get(idHeader)) : undefined;
    const response = await deps.endpoint.handle(webRequest(req, res, left), { ...visit, owner }, body);
    await sendWebResponse(response, res);
  };

  // The key is asked for first: nobody's body is read.
  const known = async (req: Request, _res: Response, next: NextFunction): Promise<void> => {
    await deps.callers.of(headersOf(req));
    next();
  };
  router.all(['/', '/:server'], deps.before, known, express.json({ limit: deps.bodyBytes }), handle);
  router.use(refusal(deps));
  return router;
}

/** A message whose id was lost on its way gets it back from the header. */
function withId(body: unknown, header: string | undefined): unknown {
  if (header === undefined || !isJsonObject(body) || body['id'] !== undefined) return body;
  let id: unknown;
  try {
    id = JSON.parse(decodeURIComponent(header));
  } catch {
    return body;
  }
  return typeof id === 'string' || typeof id === 'number' ? { ...body, id } : body;
}

/** Errors in the form of the protocol, with the HTTP status that clients go by. */
function refusal({ log }: McpRouteDeps) {
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const problem = asToolturnError(error);
    const code = problem.code === 'bad_request' && req.body === undefined ? codes.parse : codes.refused;
    refuse(res, log, {
      path: req.baseUrl,
      problem,
      error,
      challenge: 'Bearer realm="LiteLLM key"',
      body: { jsonrpc: '2.0', error: { code, message: problem.message }, id: null },
    });
  };
}
