import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { bulkhead } from 'cockatiel';
import type { Environment } from './config/environment';
import { loadConfig } from './config/load';
import { formatProblem } from './config/problems';
import { Callers } from './core/callers';
import { CallRunner, type Gate } from './core/calls';
import { ToolturnError } from './core/errors';
import { CatalogWarnings } from './core/look-alikes';
import { observers } from './core/observer';
import { OfferBook } from './core/offer';
import { Overload } from './core/overload';
import { Rates } from './core/rates';
import { createMask } from './core/result-safety';
import type { Prices } from './core/prices';
import { ServerBulkheads } from './core/server-bulkheads';
import type { ServerConfig } from './core/servers';
import { Spending } from './core/spending';
import { TurnService } from './core/service';
import { ToolAdmission } from './core/tool-admission';
import { ToolDoor } from './core/tool-door';
import { ToolPins } from './core/tool-pins';
import { TurnLog } from './core/turn-log';
import { withWithheld } from './core/withheld';
import { chat } from './dialects/chat';
import { generateContent } from './dialects/generate-content';
import { messages } from './dialects/messages';
import { responses } from './dialects/responses';
import { createApp } from './http/app';
import { createLog } from './log/log';
import { addressBook } from './mcp/address-book';
import { createToolHost, type McpToolHost } from './mcp/tool-host';
import { createMetrics } from './metrics/metrics';
import { createEndpoint } from './mcp-server/endpoint';
import { createArgumentChecker } from './schema/argument-checker';
import { indexTools } from './search/tool-search';
import { createMetricStore } from './state/metrics';
import { createPinStore } from './state/pins';
import { createState } from './state/redis';
import { createIdentity } from './upstream/identity';
import { createUpstream } from './upstream/litellm';

const version = '0.1.0';

/** How long a stop waits for turns in flight before it ends them. */
const drainMs = 25_000;
/** How long a start waits for the MCP servers before it listens. */
const firstConnectMs = 3_000;
/** How long hidden rounds wait for a client that has calls to run, where the ledger is off. */
const handBackTtlSeconds = 24 * 3600;

/** A running hook-service. */
export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

/** Wires all parts and listens. Throws `ToolturnError` with every problem of the configuration at once. */
export async function serve(environment: Environment, configPath: string): Promise<Running> {
  const { config, warnings, secrets } = loadConfig({ path: configPath, env: process.env });
  const log = createLog({
    level: environment.logLevel ?? config.logLevel,
    secrets: [...environment.secrets, ...secrets],
  });
  for (const warning of warnings) log.warn(`configuration: ${formatProblem(warning)}`);

  // By which a server entry that leads back here is known: its tools would be listed again and again.
  const self = { name: 'toolturn', version: `${version}+${randomBytes(4).toString('hex')}` };
  const state = createState({
    url: environment.redisUrl,
    ...(environment.dataKeys === undefined ? {} : { seal: environment.dataKeys }),
    log,
  });
  const pinStore = createPinStore({
    ...(config.pins.file === undefined ? {} : { file: config.pins.file }),
    ...(state.pins === undefined ? {} : { redis: state.pins }),
    log,
  });
  const pins = new ToolPins({ policy: config.pins.policy, store: pinStore, log }, (servers) => {
    for (const server of servers) void host.readmit(server);
  });
  const admission = new ToolAdmission({ servers: config.servers, pins, log });
  const host: McpToolHost = createToolHost({
    servers: config.servers,
    log,
    clientInfo: self,
    admit: (server, tools) => admission.admit(server, tools),
    onServer: (server, event) => metrics.server(server, event),
  });
  const health = () => withWithheld(host.health(), (server) => pins.heldOf(server));
  const prices = pricesOf(config.servers);
  const metrics = createMetrics({
    prices,
    parts: () => ({ servers: health(), version: `v${version}` }),
    retentionSeconds: config.metrics.retentionSeconds,
    log,
    ...(config.metrics.redis && environment.redisUrl !== undefined
      ? { store: createMetricStore({ url: environment.redisUrl, log }) }
      : {}),
  });
  const warningsOfTools = new CatalogWarnings(log);
  host.onCatalogChange((catalog) => void warningsOfTools.of(catalog));
  const checker = createArgumentChecker({ log });
  const { limits } = config;
  const upstream = createUpstream({
    baseUrl: environment.litellmUrl,
    timeoutMs: limits.turnMs + limits.answerMs,
  });
  const book = new OfferBook(host, config.servers, {
    search: { ...config.catalog, indexTools },
    readMore: true,
    access: config.access,
  });
  // The way to a server is the same within a turn and without one.
  const calling = {
    host,
    cache: state.results,
    checker,
    mask: createMask([...environment.secrets, ...secrets], [dirname(__dirname)]),
    limits,
    addresses: addressBook,
    rates: new Rates(config.rates, state.rates, log),
    bulkheads: new ServerBulkheads(parallelOf(config.servers)),
    log,
  };
  const turns = new TurnLog(500, prices);
  const observer = observers([turns, metrics], log);
  const keyHeader = config.keyHeaderName === undefined ? {} : { keyHeaderName: config.keyHeaderName };
  const service = new TurnService({
    book,
    host,
    runner: new CallRunner({
      ...calling,
      store: state.calls,
      texts: state.texts,
      outcomeTtlSeconds: config.outcomeTtlSeconds,
    }),
    ledger: state.ledger,
    ledgerTtlSeconds: config.memoryTtlSeconds ?? handBackTtlSeconds,
    remembersAnswers: config.memoryTtlSeconds !== undefined,
    ...keyHeader,
    limits,
    newGate,
    log,
    dialects: [chat, messages, responses, generateContent],
    upstream,
    servers: config.servers,
    inject: config.inject,
    surface: config.surface,
    secrets: environment.secrets,
    keepAliveMs: config.keepAliveMs,
    overload: new Overload(() => config.turnsAtOnce),
    observer,
  });

  const callers = new Callers({
    ask: createIdentity({ baseUrl: environment.litellmUrl, secrets: environment.secrets }),
    ...keyHeader,
  });
  const door = new ToolDoor({ ...calling, book, servers: config.servers, health, observer });
  const endpoint = config.mcp.enabled
    ? createEndpoint({
        door,
        features: host.features,
        instructionsOf: instructing(config.servers),
        callMs: limits.callMs,
        serverInfo: self,
        log,
        onCatalogChange: (callback) => host.onCatalogChange(callback),
      })
    : undefined;

  let accepting = true;
  const app = createApp({
    service,
    turns,
    pins: { pins, warnings: () => warningsOfTools.of(host.catalog()) },
    door,
    callers,
    ...(endpoint === undefined ? {} : { endpoint }),
    metrics: {
      log: {
        spending: new Spending(observer),
        missed: (requests) => metrics.count('unavailable', requests),
        dropped: (calls) => metrics.count('door_dropped', calls),
      },
      refused: () => metrics.count('hooks_refused'),
      ...(config.metrics.prometheus === 'off'
        ? {}
        : { page: { public: config.metrics.prometheus === 'public', read: () => metrics.page() } }),
    },
    origins: config.mcp,
    secrets: environment.secrets,
    bodyBytes: config.bodyBytes,
    health: () => ({ redis: state.health(), ...prefixed('mcp:', health()) }),
    accepting: () => accepting,
    log,
  });
  host.start();
  metrics.start();
  // Who comes first should find tools already; a server that hangs must not hold the others up for long.
  await host.ready(firstConnectMs);
  const server = await listen(createServer(app), environment.host, environment.port);
  const { port } = server.address() as AddressInfo;
  const url = `http://${environment.host}:${port}`;
  log.info('hook-service is listening', { url, servers: config.servers.map((each) => each.publicName) });

  return {
    url,
    async stop() {
      accepting = false;
      log.info('stopping', { turns_in_flight: service.inFlight });
      const closed = closeServer(server, drainMs);
      await door.drained(drainMs);
      // Results go out in the same moment; then streams that wait for changes would hold the stop up.
      await new Promise((resolve) => setImmediate(resolve));
      await endpoint?.close();
      await closed;
      pins.close();
      await Promise.allSettled([host.close(), checker.close(), state.close(), metrics.stop()]);
      log.info('stopped');
    },
  };
}

function pricesOf(servers: readonly ServerConfig[]): Prices {
  return Object.fromEntries(
    servers.flatMap(({ publicName, prices }) => (prices ? [[publicName, prices]] : [])),
  );
}

/** Servers whose instructions clients of the MCP endpoint are given. */
function instructing(servers: readonly ServerConfig[]): ReadonlySet<string> {
  const named = servers.filter((server) => server.settings?.instructions === true);
  return new Set(named.map((server) => server.publicName));
}

/** How many calls the config lets run at one server at once. */
function parallelOf(servers: readonly ServerConfig[]): (server: string) => number | undefined {
  const named = new Map(servers.map((server) => [server.publicName, server.settings?.parallel]));
  return (server) => named.get(server);
}

/** At most `parallel` calls at once; the rest of a turn's calls wait in order. */
function newGate(parallel: number): Gate {
  const policy = bulkhead(parallel, Number.MAX_SAFE_INTEGER);
  return { execute: (run) => policy.execute(run) };
}

function prefixed<T>(prefix: string, parts: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [prefix + name, part]));
}

function listen(server: Server, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} is in use: set TOOLTURN_PORT to a free one`
          : `cannot listen on ${host}:${port} (${error.code ?? error.name})`;
      reject(new ToolturnError('config_invalid', reason, { cause: error }));
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** Takes no new requests and lets those in flight finish, up to a bound. */
async function closeServer(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that carried a turn becomes idle when the turn ends, which may be long after this.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const last = setTimeout(() => server.closeAllConnections(), withinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(last);
}
