import type { ServerFeatures } from '../core/features';
import type { Catalog, Log, PartHealth, ToolCallRequest, ToolHost, ToolResult } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { within } from '../core/within';
import { runCall } from './call';
import { failedCall } from './call-failure';
import { ClientCatalogs } from './client-catalogs';
import { KeptServers, type KeptServer } from './kept-servers';
import { createFeatures } from './resources';
import type { ServerSession, SessionEvent, SessionOptions } from './server-session';
import type { SessionPool } from './session-pool';

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
  /**
   * The host of another list of servers. Those whose entries are the same are shared: their sessions and processes
   * stay. Nothing of the others is started before `start()`.
   */
  next(servers: readonly ServerConfig[]): McpToolHost;
  /**
   * This list is of no use any more. A server that no other host shares is closed when nothing runs on it, after
   * `drainMs` at the latest.
   */
  release(drainMs: number): void;
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
  /** Ends every session, stream and process, of all hosts that came of the same first one. Takes 5 s at most. */
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

const switchedOff: PartHealth = {
  state: 'disabled',
  reason: 'toolturn.servers switches it off (enabled: false)',
  tools: 0,
};

/** What hosts that follow each other have in common. */
interface Common {
  readonly options: ToolHostOptions;
  readonly settings: typeof defaults & ToolHostOptions;
  readonly servers: KeptServers;
  /** The version of the last catalog that was made. */
  version: number;
  closing?: Promise<boolean>;
}

/** Builds the tool host for these servers; `start()` connects them. */
export function createToolHost(options: ToolHostOptions): McpToolHost {
  const settings = { ...defaults, ...options };
  const reconnect = { ...reconnectDefaults, ...options.reconnect };
  const circuit = { ...circuitDefaults, ...options.circuit };
  const servers = new KeptServers({ ...settings, session: { ...settings, reconnect, circuit } });
  return hostOf({ options, settings, servers, version: 0 }, options.servers);
}

function hostOf(common: Common, servers: readonly ServerConfig[]): McpToolHost {
  const { settings } = common;
  const { entries, disabled } = sorted(common, servers);
  const listeners = new Set<(catalog: Catalog) => void>();
  const offered = (): Catalog => ({
    version: (common.version += 1),
    tools: [...entries.values()].flatMap((entry) => entry.session.tools.offered()),
  });
  let current = offered();

  const rebuild = () => {
    current = offered();
    for (const listener of listeners) listener(current);
  };
  for (const entry of entries.values()) entry.listeners.add(rebuild);
  const pools = new Map<string, SessionPool>();
  for (const [name, { pool }] of entries) if (pool !== undefined) pools.set(name, pool);
  const clientCatalogs = new ClientCatalogs([...entries.keys()], pools);

  /** A client's own session may list the tool, or else the shared one does. */
  const callOn = (session: ServerSession, shared: ServerSession, request: ToolCallRequest) => {
    const tool = session.tools.find(request.tool) ?? shared.tools.find(request.tool);
    if (tool === undefined) return Promise.resolve(notAvailable(request));
    return runCall(session, tool, request, settings.reconnectWaitMs);
  };
  let released = false;

  return {
    start() {
      for (const entry of entries.values()) common.servers.start(entry);
    },

    next: (others) => hostOf(common, others),

    release(drainMs) {
      if (released) return;
      released = true;
      for (const entry of entries.values()) {
        entry.listeners.delete(rebuild);
        common.servers.release(entry, drainMs);
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
      if (session === undefined || common.closing !== undefined) return notAvailable(request);
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
      const parts = [...entries].map(([name, entry]) => [name, healthOf(entry)] as const);
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

    async close() {
      common.closing ??= within(closeMs, common.servers.close());
      await common.closing;
    },
  };
}

/** The servers of a list that are connected, and why the others are not. */
function sorted({ options, servers: kept }: Common, servers: readonly ServerConfig[]) {
  const entries = new Map<string, KeptServer>();
  const disabled = new Map<string, PartHealth>();
  for (const server of servers) {
    if (entries.has(server.publicName) || disabled.has(server.publicName)) {
      options.log.warn(`Two MCP servers are called ${server.publicName}; the first one counts`, {
        server: server.name,
      });
    } else if (server.settings?.enabled === false) {
      disabled.set(server.publicName, switchedOff);
    } else {
      entries.set(server.publicName, kept.hold(server));
    }
  }
  return { entries, disabled };
}

function notAvailable(request: ToolCallRequest): ToolResult {
  return failedCall(request.tool, 'unknown_tool', 'is not available.');
}

function healthOf({ session, check }: KeptServer): PartHealth {
  const health = session.health();
  if (health.state !== 'ready' || check?.failure === undefined) return health;
  return { ...health, state: 'degraded', reason: check.failure };
}
