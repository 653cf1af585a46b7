import { createMcpHandler, isLegacyRequest, type AuthInfo } from '@modelcontextprotocol/server';
import { isJsonObject } from '../core/json';
import type { McpEndpoint, McpVisit } from '../core/mcp-endpoint';
import type { OfferedTool } from '../core/dialect';
import type { HostTool, Log } from '../core/ports';
import { createMcpServer, type ServerDeps } from './server';
import { Sessions } from './sessions';

export interface EndpointOptions {
  /** What serves now: asked for with each request, since the config can change while sessions last. */
  readonly now: () => ServerDeps;
  readonly log: Log;
  /** Calls back after each change of the catalog; returns how to stop that. */
  readonly onCatalogChange: (callback: () => void) => () => void;
  readonly mostSessions?: number;
  readonly mostSessionsOfOne?: number;
  readonly sessionIdleMs?: number;
  /** Streams of clients of 2026-07-28 that wait for changes. */
  readonly mostSubscriptions?: number;
}

const defaults = {
  mostSessions: 1_000,
  mostSessionsOfOne: 50,
  sessionIdleMs: 30 * 60_000,
  mostSubscriptions: 1_000,
};

/**
 * Toolturn as a streamable HTTP MCP server: with sessions for the revisions of 2025 and before, without for that of
 * 2026-07-28. Which one a request is of shows in the request itself.
 */
export function createEndpoint(options: EndpointOptions): McpEndpoint {
  const settings = { ...defaults, ...options };
  const sessions = new Sessions({
    most: settings.mostSessions,
    mostOfOne: settings.mostSessionsOfOne,
    idleMs: settings.sessionIdleMs,
    createServer: (visit) => createMcpServer(options.now, visit),
  });
  const modern = createMcpHandler(
    ({ authInfo }) => {
      const visit = authInfo?.extra?.['visit'] as McpVisit;
      return createMcpServer(options.now, () => visit);
    },
    {
      legacy: 'reject',
      maxSubscriptions: settings.mostSubscriptions,
      onerror: (error) =>
        options.log.debug('a request to the MCP endpoint was refused', { reason: error.message }),
    },
  );
  // A tool is the same object for as long as its definition is the same.
  const numbers = new WeakMap<HostTool, number>();
  let last = 0;
  const numberOf = ({ name, host }: OfferedTool): string => {
    const number = numbers.get(host) ?? (last += 1);
    numbers.set(host, number);
    return `${name}:${number}`;
  };
  const unsubscribe = options.onCatalogChange(() => {
    modern.notify.toolsChanged();
    sessions.notify((visit) => options.now().door.tools(visit).map(numberOf).join());
  });

  return {
    get sessions() {
      return sessions.size;
    },

    async handle(request, visit, body) {
      const said = withOneVersion(request);
      try {
        if (body !== undefined && !isJsonObject(body) && !Array.isArray(body))
          return parseError('The body must be a JSON-RPC message.');
        if (await isLegacyRequest(said, body)) return await sessions.handle(said, visit, body);
        return await modern.fetch(said, {
          ...(body === undefined ? {} : { parsedBody: body }),
          authInfo: authOf(visit),
        });
      } catch (error) {
        options.log.error('a request to the MCP endpoint failed', { error });
        return Response.json(
          { jsonrpc: '2.0', error: { code: -32603, message: 'Internal error' }, id: null },
          { status: 500 },
        );
      }
    },

    async close() {
      unsubscribe();
      await Promise.all([sessions.close(), modern.close()]);
    },
  };
}

/** The SDK hands this to whoever makes the server of a request; the key itself is not in it. */
function authOf(visit: McpVisit): AuthInfo {
  return { token: '', clientId: visit.owner, scopes: [], extra: { visit } };
}

/**
 * Some clients send the protocol version twice (LiteLLM 1.77.3 does: its own, and that of its MCP library). Where both
 * say the same it counts once, else not at all: the handshake has settled the version of a session.
 */
function withOneVersion(request: Request): Request {
  const given = request.headers.get('mcp-protocol-version');
  if (given === null || !given.includes(',')) return request;
  const versions = new Set(given.split(',').map((version) => version.trim()));
  const [version, ...others] = versions;
  const headers = new Headers(request.headers);
  if (version !== undefined && others.length === 0) headers.set('mcp-protocol-version', version);
  else headers.delete('mcp-protocol-version');
  return new Request(request, { headers });
}

function parseError(message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32700, message }, id: null }, { status: 400 });
}
