import type { ServerFeatures } from '../core/features';
import type { Catalog, Log, PartHealth, ToolCallRequest, ToolHost, ToolResult } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { runCall } from './call';
import { failedCall } from './call-failure';
import { ClientCatalogs } from './client-catalogs';
import { HealthCheck } from './health-check';
import { createFeatures } from './resources';
import { ServerSession, type SessionEvent, type SessionOptions } from './server-session';
import { SessionPool } from './session-pool';

export interface ToolHostOptions {
  readonly servers: readonly ServerConfig[];
  readonly log: Log;
  /** What servers are told about us. */
  readonly clientInfo?: { name: string; version: string };
  /** How long the tools of a server that is away stay in the catalog. */
  readonly graceMs?: number;
  /** How long a call waits for a server that is being reconnected; its own deadline may be shorter. */
  readonly reconnectWaitMs?: number;
  readonly handshakeTimeoutMs?: number;
  readonly listTimeoutMs?: number;
  /** Least time between two listings caused by `list_changed`. */
  readonly refreshSpacingMs?: number;
  readonly healthCheckIntervalMs?: number;
  /** Largest message of a server, in bytes. */
  readonly maxMessageBytes?: number;
  /** Most sockets to one HTTP server; further calls wait. */
  readonly maxSockets?: number;
  readonly reconnect?: Partial<SessionOptions['reconnect']>;
  readonly circuit?: Partial<SessionOptions['circuit']>;
  readonly giveUpWaitingMs?: number;
  /** Most sessions under headers of clients, for each server. */
  readonly clientSessions?: number;
  /** How long such a session stays open when nobody uses it. */
  readonly clientIdleMs?: number;
  /** How long a request waits for the tools that its own headers give it. */
  readonly clientListMs?: number;
  /** Which of the tools that a server lists may be offered, and as what. Never rejects. */
  readonly admit?: SessionOptions['admit'];
  /** Told of the shared session of each server, by its public name. */
  readonly onServer?: (server: string, event: SessionEvent) => void;
}

/** All MCP servers as one tool host. */
export interface McpToolHost extends ToolHost {
  /** Starts connecting to all servers in the background. Never throws because of a server. */
  start(): void;
  /** Resources and prompts of the servers. */
  readonly features: ServerFeatures;
  /** Each server by its public name. */
  health(): Record<string, PartHealth>;
  /** Resolves when every server is ready or has failed its first attempt, or after the time. */
  ready(timeoutMs: number): Promise<void>;
  /** Calls back after each change of the catalog; returns how to stop that. */
  onCatalogChange(callback: (catalog: Catalog) => void): () => void;
  /** Asks again which tools of a server may be offered; nothing where the server is not known. */
  readmit(server: string): Promise<void>;
  /** Ends every session, stream and process. Takes 5 s at most. */
  close(): Promise<void>;
}

const defaults = {
  clientInfo: { name: 'toolturn', version: '0.1.0' },
  graceMs: 60_000,
  reconnectWaitMs: 5_000,
  handshakeTimeoutMs: 20_000,
  listTimeoutMs: 20_000,
  refreshSpacingMs: 1_000,
  healthCheckIntervalMs: 30_000,
  maxMessageBytes: 64 * 1024 * 1024,
  maxSockets: 100,
  giveUpWaitingMs: 15_000,
  clientSessions: 100,
  clientIdleMs: 600_000,
  clientListMs: 3_000,
};
const reconnectDefaults = {
  initialMs: 250,
  maxMs: 30_000,
  lastingMs: 30_000,
  incompatibleMs: 300_000,
  stableMs: 10_000,
  starts: { most: 10, windowMs: 600_000 },
};
const circuitDefaults = { failures: 5, openMs: 5_000, maxOpenMs: 60_000 };
const closeMs = 5_000;

interface Entry {
  readonly session: ServerSession;
  readonly check: HealthCheck | undefined;
}

const switchedOff: PartHealth = {
  state: 'disabled',
  reason: 'toolturn.servers switches it off (enabled: false)',
  tools: 0,
};
const withheld: PartHealth = {
  state: 'disabled',
  reason: 'Its tools are withheld: require_approval is "always", and approval does not exist yet',
  tools: 0,
};

/** Builds the tool host for these servers; `start()` connects them. */
export function createToolHost(options: ToolHostOptions): McpToolHost {
  const settings = { ...defaults, ...options };
  const reconnect = { ...reconnectDefaults, ...options.reconnect };
  const circuit = { ...circuitDefaults, ...options.circuit };
  const entries = new Map<string, Entry>();
  const disabled = new Map<string, PartHealth>();
  const pools = new Map<string, SessionPool>();
  const listeners = new Set<(catalog: Catalog) => void>();
  let current: Catalog = { version: 1, tools: [] };
  let closing: Promise<void> | undefined;

  const rebuild = () => {
    current = {
      version: current.version + 1,
      tools: [...entries.values()].flatMap((entry) => entry.session.tools.offered()),
    };
    for (const listener of listeners) listener(current);
  };

  for (const server of options.servers) {
    if (entries.has(server.publicName) || disabled.has(server.publicName)) {
      options.log.warn(`Two MCP servers are called ${server.publicName}; the first one counts`, {
        server: server.name,
      });
    } else if (server.settings?.enabled === false) {
      disabled.set(server.publicName, switchedOff);
    } else if (server.requireApproval === 'always') {
      disabled.set(server.publicName, withheld);
    } else {
      const { onServer } = options;
      const session = new ServerSession(server, {
        ...settings,
        reconnect,
        circuit,
        onToolsChanged: rebuild,
        ...(onServer && { onSession: (event) => onServer(server.publicName, event) }),
      });
      const path = server.transport === 'stdio' ? undefined : server.healthCheck;
      const check =
        server.transport === 'stdio' || path === undefined
          ? undefined
          : new HealthCheck(server, path, settings.healthCheckIntervalMs);
      entries.set(server.publicName, { session, check });
      if (server.transport !== 'stdio') {
        const { clientSessions: maxSessions, clientIdleMs: idleMs } = settings;
        const pool = new SessionPool(server, {
          session: { ...settings, reconnect, circuit },
          maxSessions,
          idleMs,
        });
        pools.set(server.publicName, pool);
      }
    }
  }
  const clientCatalogs = new ClientCatalogs([...entries.keys()], pools);

  /** A client's own session may list the tool, or else the shared one does. */
  const callOn = (session: ServerSession, shared: ServerSession, request: ToolCallRequest) => {
    const tool = session.tools.find(request.tool) ?? shared.tools.find(request.tool);
    if (tool === undefined) return Promise.resolve(notAvailable(request));
    return runCall(session, tool, request, settings.reconnectWaitMs);
  };

  return {
    start() {
      for (const { session, check } of entries.values()) {
        session.start();
        check?.start();
      }
    },

    catalog: (headers) => (headers === undefined ? current : clientCatalogs.of(current, headers)),

    async prepare(headers) {
      const asked = Object.entries(headers).map(async ([server, own]) =>
        pools.get(server)?.use(own, (session) => within(settings.clientListMs, session.firstAttempt)),
      );
      await Promise.all(asked);
    },

    async call(request: ToolCallRequest): Promise<ToolResult> {
      const session = entries.get(request.server)?.session;
      if (session === undefined || closing !== undefined) return notAvailable(request);
      if (request.headers === undefined) return callOn(session, session, request);
      const called = pools.get(request.server)?.use(request.headers, (own) => callOn(own, session, request));
      const result = await called;
      if (result !== undefined) return result;
      const text = 'is not available now: too many clients use its server under credentials of their own.';
      return failedCall(request.tool, 'transport', text);
    },

    async readmit(server) {
      const tools = entries.get(server)?.session.tools;
      if (tools?.listed === true) await tools.readmit();
    },
    features: createFeatures({ ...settings, session: (server) => entries.get(server)?.session }),

    health() {
      const parts = [...entries].map(
        ([name, { session, check }]) => [name, healthOf(session, check)] as const,
      );
      return Object.fromEntries([...parts, ...disabled]);
    },

    async ready(timeoutMs) {
      const all = Promise.all([...entries.values()].map((entry) => entry.session.firstAttempt));
      await within(timeoutMs, all);
    },

    onCatalogChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },

    close() {
      closing ??= within(
        closeMs,
        Promise.all([
          ...[...entries.values()].map(({ session, check }) => {
            check?.close();
            return session.close();
          }),
          ...[...pools.values()].map((pool) => pool.close()),
        ]),
      );
      return closing;
    },
  };
}

function notAvailable(request: ToolCallRequest): ToolResult {
  return failedCall(request.tool, 'unknown_tool', 'is not available.');
}

function healthOf(session: ServerSession, check: HealthCheck | undefined): PartHealth {
  const health = session.health();
  if (health.state !== 'ready' || check?.failure === undefined) return health;
  return { ...health, state: 'degraded', reason: check.failure };
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)))]);
  clearTimeout(timer);
}
