import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { changesOf } from './config/changes';
import { FileWatch } from './config/file-watch';
import { Reloader } from './config/reloader';
import { readSettings, SettingsInvalid, type Settings, type SettingsSource } from './config/settings';
import { ToolturnError } from './core/errors';
import { Allowances } from './core/allowance';
import { Generations } from './core/generations';
import { CatalogWarnings } from './core/look-alikes';
import type { McpEndpoint } from './core/mcp-endpoint';
import { afterwards, observers, type Observer } from './core/observer';
import { Overload } from './core/overload';
import type { PartHealth } from './core/ports';
import { RunningHere } from './core/running-here';
import { Spending } from './core/spending';
import { ToolAdmission } from './core/tool-admission';
import { Tickets } from './core/ticket';
import { ToolPins } from './core/tool-pins';
import { TurnLog } from './core/turn-log';
import { wire, type ProcessParts, type Wired } from './generation';
import { createLog } from './log/log';
import { createToolHost, type McpToolHost } from './mcp/tool-host';
import { createMetrics } from './metrics/metrics';
import { createEndpoint } from './mcp-server/endpoint';
import { createArgumentChecker } from './schema/argument-checker';
import { createMetricStore } from './state/metrics';
import { createPinStore } from './state/pins';
import { auditOf } from './serve-audit';
import { consoleOf } from './serve-console';
import { createState } from './state/redis';
import { tracingSettings } from './tracing/settings';

const version = '0.1.0';

/** How long a stop waits for turns in flight before it ends them. */
const drainMs = 25_000;
/** Longer than the door keeps a connection that it does not use: one that is closed just then would lose a request. */
const keepAliveMs = 90_000;
/**
 * A turn’s request stays open while the turn lasts, which is what `limits` allows at most, and has had turns before for the
 * ten minutes for which the door begins new ones on it; and a minute. Node’s own limit is five.
 */
const longestRequestMs = (3_600 + 600 + 600 + 60) * 1_000;
/** How long a start, and a change of the config, waits for the MCP servers. */
const firstConnectMs = 3_000;
/** How often questions are looked for that nobody answered in time. */
const sweepMs = 15_000;

/** A running hook-service. */
export interface Running {
  readonly url: string;
  /** Reads the configuration anew, whether it changed or not. Never rejects: what is wrong is logged. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** Wires all parts and listens. Throws `ToolturnError` with every problem of the configuration at once. */
export async function serve(source: SettingsSource): Promise<Running> {
  const { result: first, files } = readSettings(source);
  if (first instanceof SettingsInvalid) throw first;
  const { environment, config } = first;
  const log = createLog({ level: levelOf(first), secrets: first.secrets });
  for (const warning of first.warnings) log.warn(`configuration: ${warning}`);

  // By which a server entry that leads back here is known: its tools would be listed again and again.
  const self = { name: 'toolturn', version: `${version}+${randomBytes(4).toString('hex')}` };
  const state = createState({
    url: environment.redisUrl,
    ...(environment.dataKeys === undefined ? {} : { seal: environment.dataKeys }),
    log,
  });
  const pinStoreOf = ({
    config: {
      pins: { file },
    },
  }: Settings) =>
    createPinStore({
      ...(file === undefined ? {} : { file }),
      ...(state.pins === undefined ? {} : { redis: state.pins }),
      log,
    });
  const pins = new ToolPins({ policy: config.pins.policy, store: pinStoreOf(first), log }, (servers) => {
    for (const server of servers) void generations.current.host.readmit(server);
  });
  const admission = new ToolAdmission({ pins, log });
  const warnings = new CatalogWarnings(log);
  const checker = createArgumentChecker({ log });
  const stop = new AbortController();
  // Each request that stays open listens.
  setMaxListeners(0, stop.signal);
  const currentConfig = () => generations.current.settings.config;
  const pricesNow = () => generations.current.prices;
  const metrics = createMetrics({
    prices: pricesNow,
    parts: () => ({ servers: generations.current.health(), version: `v${version}` }),
    settings: () => currentConfig().metrics,
    log,
    ...(environment.redisUrl === undefined
      ? {}
      : { store: createMetricStore({ url: environment.redisUrl, log }) }),
  });
  const overload = new Overload(
    () => currentConfig().turnsAtOnce,
    () => tickets.tell(),
  );
  const tickets: Tickets = new Tickets(randomBytes(8).toString('hex'), {
    tools: () => generations.current.host.catalog(),
    full: () => overload.full,
  });
  const turns = new TurnLog(500, pricesNow);
  const wanted = tracingSettings(source.env);
  // Loaded where somebody collects traces, and nowhere else.
  const tracing = wanted && (await (await import('./tracing/tracing.js')).startTracing(wanted, log));
  const audit = auditOf(environment.redisUrl, () => generations.current, log);
  const allowances = new Allowances(() => currentConfig().allowances, pricesNow, state.usage, log);
  const watching: Observer[] = [
    turns,
    metrics,
    audit,
    allowances,
    ...(tracing === undefined ? [] : [tracing.observer]),
  ];
  const observer = afterwards(observers(watching, log));
  const parts: ProcessParts = {
    log,
    state,
    pins,
    warnings,
    checker,
    turns,
    metrics,
    spending: new Spending(observer),
    allowances,
    overload,
    tickets,
    observer,
    audit,
    traced: tracing !== undefined,
    here: new RunningHere(),
    self,
    hooks: {
      get inFlight() {
        return generations.inFlight;
      },
      preCall: (...of) => generations.preCall(...of),
      postCall: (...of) => generations.postCall(...of),
      stream: (...of) => generations.stream(...of),
    },
    // A door that has not heard of a new secret yet goes on with the old one as long as its turns may.
    secrets: () => [...new Set(generations.all.flatMap(({ settings }) => settings.environment.secrets))],
    health: () => ({
      config: configHealth(),
      redis: state.health(),
      ...prefixed('mcp:', generations.current.health()),
    }),
    bodyBytesNow: () => currentConfig().bodyBytes,
    stop: stop.signal,
  };

  const catalogListeners = new Set<() => void>();
  let endpoint: McpEndpoint | undefined;
  const endpointFor = (settings: Settings) => {
    if (!settings.config.mcp.enabled) return undefined;
    return (endpoint ??= createEndpoint({
      now: () => generations.current.served,
      log,
      onCatalogChange(callback) {
        catalogListeners.add(callback);
        return () => catalogListeners.delete(callback);
      },
    }));
  };
  const told = (host: McpToolHost): void => {
    if (generations.current.host !== host) return;
    tickets.change();
    warnings.of(host.catalog());
    for (const listener of catalogListeners) listener();
  };

  const firstHost = createToolHost({
    servers: config.servers,
    log,
    clientInfo: self,
    admit: (server, tools) => admission.admit(server, tools),
    onServer: (server, event) => metrics.server(server, event),
  });
  const generations: Generations<Wired> = new Generations(
    wire({ parts, settings: first, host: firstHost, endpoint: endpointFor(first) }),
  );
  firstHost.onCatalogChange(() => told(firstHost));

  /** From here on everything new begins with these settings. */
  const apply = async (next: Settings): Promise<Record<string, unknown>> => {
    const previous = generations.current;
    const { settings: before } = previous;
    const { servers, settings } = changesOf(before, next);
    log.follow(levelOf(next), next.secrets);
    const host = previous.host.next(next.config.servers);
    host.start();
    // What is new should be there when it takes the place of what is old.
    await host.ready(firstConnectMs);
    pins.keepOnly(new Set(next.config.servers.map((server) => server.publicName)));
    generations.replace(wire({ parts, settings: next, host, endpoint: endpointFor(next), previous }));
    tickets.change();
    host.onCatalogChange(() => told(host));
    told(host);
    if (!next.config.mcp.enabled) {
      const ended = endpoint;
      endpoint = undefined;
      await ended?.close();
    }
    if (settings.includes('toolturn.pins')) {
      const isMoved = before.config.pins.file !== next.config.pins.file;
      await pins.follow(next.config.pins.policy, isMoved ? pinStoreOf(next) : undefined);
    }
    const changedServers = Object.entries(servers).filter(([, names]) => names.length > 0);
    return {
      ...(settings.length === 0 ? {} : { settings }),
      ...Object.fromEntries(changedServers.map(([kind, names]) => [`servers_${kind}`, names])),
      ...restartNotice(next),
    };
  };

  let pending: readonly string[] = [];
  const restartNotice = (next: Settings): { restart?: readonly string[] } => {
    const { restart } = changesOf(first, next);
    const isNew = restart.join() !== pending.join();
    pending = restart;
    if (isNew && restart.length > 0)
      log.warn(`a change of ${restart.join(', ')} takes effect at a restart`, { restart });
    return restart.length === 0 ? {} : { restart };
  };

  const watch = environment.reload ? new FileWatch({ onChange: () => reloader.changed() }) : undefined;
  const reloader: Reloader = new Reloader({
    first,
    read() {
      const read = readSettings(source);
      // A file that was not watched when it was read may have been written since.
      void watch?.follow(read.files).then((areNew) => {
        if (areNew) reloader.changed();
      });
      return read.result;
    },
    apply,
    stillChanging: async () => (await watch?.look()) ?? false,
    log,
  });
  const configHealth = (): PartHealth => {
    const older = generations.all.length - 1;
    return {
      ...reloader.health(),
      ...(environment.reload ? {} : { reload: 'off' }),
      ...(pending.length === 0 ? {} : { restart: pending }),
      ...(older === 0 ? {} : { older }),
    };
  };

  const page = consoleOf(source, () => generations.current, {
    pins,
    warnings: () => warnings.of(generations.current.host.catalog()),
    health: () => ({
      'hook-service': { state: 'ready', turns_in_flight: generations.inFlight },
      ...parts.health(),
    }),
    onCatalogChange(callback) {
      catalogListeners.add(callback);
      return () => catalogListeners.delete(callback);
    },
    version: self.version,
    log,
  });
  if (page !== undefined) watching.push(page.observer);

  firstHost.start();
  metrics.start();
  const sweeping = setInterval(() => void generations.current.approvals.sweep(), sweepMs).unref();
  // Who comes first should find tools already; a server that hangs must not hold the others up for long.
  await firstHost.ready(firstConnectMs);
  await watch?.follow(files);
  const handler = createServer((req, res) => generations.current.listener(req, res));
  handler.keepAliveTimeout = keepAliveMs;
  handler.requestTimeout = longestRequestMs;
  const server = await listen(handler, environment.host, environment.port);
  const { port } = server.address() as AddressInfo;
  const url = `http://${environment.host}:${port}`;
  // What was written while the servers were asked was seen by nobody.
  if (watch !== undefined) reloader.changed();
  if (page !== undefined) log.info('the console is listening', { url: await page.listen() });
  log.info('hook-service is listening', { url, servers: config.servers.map((each) => each.publicName) });

  return {
    url,
    reload: () => reloader.reload(),
    async stop() {
      stop.abort();
      clearInterval(sweeping);
      tickets.end();
      log.info('stopping', { turns_in_flight: generations.inFlight });
      watch?.close();
      const closed = closeServer(server, drainMs);
      await reloader.close();
      await Promise.all(generations.all.map(({ door }) => door.drained(drainMs)));
      // Results go out in the same moment; then streams that wait for changes would hold the stop up.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([endpoint?.close(), page?.close()]);
      await closed;
      generations.close();
      pins.close();
      observer.flush();
      const stopping = [metrics.stop(), audit.stop(), tracing?.stop()];
      await Promise.allSettled([firstHost.close(), checker.close(), state.close(), ...stopping]);
      log.info('stopped');
    },
  };
}

function levelOf({ environment, config }: Settings) {
  return environment.logLevel ?? config.logLevel;
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
