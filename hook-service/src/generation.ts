import { bulkhead } from 'cockatiel';
import type { RequestListener } from 'node:http';
import type { Settings } from './config/settings';
import type { Allowances } from './core/allowance';
import { ApprovalPolicy } from './core/approval-policy';
import { Approvals } from './core/approvals';
import type { Audit } from './core/audit';
import { Callers } from './core/callers';
import { CallRunner, type Gate } from './core/calls';
import { ClientToolGuard, restricts } from './core/client-tools';
import { canonicalJson } from './core/canonical-json';
import type { Generation } from './core/generations';
import { judge } from './core/guardrail';
import type { TurnHooks } from './core/hooks';
import type { CatalogWarnings } from './core/look-alikes';
import type { McpEndpoint } from './core/mcp-endpoint';
import type { LaterObserver } from './core/observer';
import { OfferBook } from './core/offer';
import type { Overload } from './core/overload';
import type { PartHealth } from './core/ports';
import type { Prices } from './core/prices';
import { Rates } from './core/rates';
import { Repeats } from './core/repeats';
import { maskedFeatures } from './core/masked-features';
import { maskedTool, type Mask } from './core/result-safety';
import { Resumption } from './core/resumption';
import type { RunningHere } from './core/running-here';
import { ServerBulkheads } from './core/server-bulkheads';
import type { ServerConfig } from './core/servers';
import { TurnService } from './core/service';
import type { Spending } from './core/spending';
import { ToolDoor } from './core/tool-door';
import type { ToolPins } from './core/tool-pins';
import type { TurnLog } from './core/turn-log';
import { observeRequest, type Tickets } from './core/ticket';
import { withWithheld } from './core/withheld';
import { chat } from './dialects/chat';
import { generateContent } from './dialects/generate-content';
import { messages } from './dialects/messages';
import { responses } from './dialects/responses';
import { createListener } from './http/app';
import type { RootLog } from './log/log';
import { addressBook } from './mcp/address-book';
import type { McpToolHost } from './mcp/tool-host';
import type { Metrics } from './metrics/metrics';
import type { ServerDeps } from './mcp-server/server';
import type { createArgumentChecker } from './schema/argument-checker';
import { indexTools } from './search/tool-search';
import type { createState } from './state/redis';
import { maskOf } from './settings-mask';
import { createIdentity } from './upstream/identity';
import { createUpstream } from './upstream/litellm';

/** How long hidden rounds wait for a client that has calls to run, where the ledger is off. */
const handBackTtlSeconds = 24 * 3600;

/** What lives as long as the process, whatever the config says. */
export interface ProcessParts {
  readonly log: RootLog;
  readonly state: ReturnType<typeof createState>;
  readonly pins: ToolPins;
  readonly warnings: CatalogWarnings;
  readonly checker: ReturnType<typeof createArgumentChecker>;
  readonly turns: TurnLog;
  /** Counts the turns of all generations together. */
  readonly overload: Overload;
  /** Of all generations: each change ends the tickets of the one before. */
  readonly tickets: Tickets;
  readonly observer: LaterObserver;
  readonly audit: Pick<Audit, 'find'>;
  /** Whether somebody collects spans: requests name ours as their parents then. */
  readonly traced: boolean;
  readonly metrics: Metrics;
  readonly spending: Spending;
  /** Counts for the turns of all generations together. */
  readonly allowances: Allowances;
  readonly here: RunningHere;
  /** What servers and clients are told about us. */
  readonly self: { readonly name: string; readonly version: string };
  /** The hooks: each request goes to the generation that its turn began with. */
  readonly hooks: TurnHooks;
  /** Secrets of the door that are accepted now. */
  readonly secrets: () => readonly string[];
  readonly health: () => Record<string, PartHealth>;
  /** `limits.body_bytes` as it is now. */
  readonly bodyBytesNow: () => number;
  /** Aborted once a stop has begun. */
  readonly stop: AbortSignal;
}

/** Everything that follows the config, wired for one version of it. */
export interface Wired extends Generation {
  readonly settings: Settings;
  readonly host: McpToolHost;
  readonly door: ToolDoor;
  readonly callers: Callers;
  readonly bulkheads: ServerBulkheads;
  readonly prices: Prices;
  /** Questions to people. */
  readonly approvals: Approvals;
  readonly mask: Mask;
  /** What the MCP endpoint serves. */
  readonly served: ServerDeps;
  /** Answers all requests on hook-service's port. */
  readonly listener: RequestListener;
  /** Each server's state by its public name. */
  health(): Record<string, PartHealth>;
}

export interface WiringOptions {
  readonly parts: ProcessParts;
  readonly settings: Settings;
  readonly host: McpToolHost;
  /** Absent: switched off. */
  readonly endpoint: McpEndpoint | undefined;
  readonly previous?: Wired;
}

/** Wires one generation. */
export function wire({ parts, settings, host, endpoint, previous }: WiringOptions): Wired {
  const { environment, config, version } = settings;
  const { log, state, pins, turns, metrics } = parts;
  const { limits } = config;
  const upstream = createUpstream({ baseUrl: environment.litellmUrl });
  const mask = maskOf(settings);
  const book = new OfferBook(host, config.servers, {
    search: { ...config.catalog, indexTools },
    readMore: true,
    shown: (tool, name) => maskedTool(mask, tool, name),
    access: config.access,
  });
  const bulkheads = bulkheadsOf(settings, previous);
  // The way to a server is the same within a turn and without one.
  const calling = {
    host,
    cache: state.results,
    checker: parts.checker,
    mask,
    limits,
    addresses: addressBook,
    rates: new Rates(config.rates, state.rates, log),
    bulkheads,
    log,
  };
  const clientTools = restricts(config.clientTools)
    ? new ClientToolGuard(config.clientTools, { addresses: addressBook, log })
    : undefined;
  const keyHeader = config.keyHeaderName === undefined ? {} : { keyHeaderName: config.keyHeaderName };
  const runner = new CallRunner({
    ...calling,
    store: state.calls,
    texts: state.texts,
    outcomeTtlSeconds: config.outcomeTtlSeconds,
    here: parts.here,
  });
  const policy = new ApprovalPolicy(config.approval, config.servers);
  const { observer } = parts;
  const approvals = new Approvals({ store: state.approvals, mask: calling.mask, observer, log });
  const service = new TurnService({
    book,
    host,
    runner,
    approval: { policy, approvals },
    resumption: new Resumption({
      approvals,
      policy,
      runner,
      book,
      limits,
      newGate,
      observer,
      allowances: parts.allowances,
    }),
    knowsRepeats: config.retryWindowSeconds !== undefined,
    repeats: new Repeats({
      store: state.firstTurns,
      here: parts.here,
      ...(config.retryWindowSeconds === undefined ? {} : { windowSeconds: config.retryWindowSeconds }),
      turnMs: limits.turnMs + limits.answerMs,
      log,
    }),
    ledger: state.ledger,
    ledgerTtlSeconds: config.memoryTtlSeconds ?? handBackTtlSeconds,
    remembersAnswers: config.memoryTtlSeconds !== undefined,
    ...keyHeader,
    ...(clientTools && { clientTools }),
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
    overload: parts.overload,
    observer,
    allowances: parts.allowances,
    delimit: config.delimit,
    traced: parts.traced,
    asksTheDoor: config.fastPath,
    ...(config.fastPath ? { tickets: parts.tickets } : {}),
  });
  const callers = callersOf(settings, previous);
  const health = () => withWithheld(host.health(), (server) => pins.heldOf(server));
  const { allowances } = parts;
  const door = new ToolDoor({
    ...calling,
    book,
    servers: config.servers,
    health,
    observer,
    allowances,
    policy,
  });
  const listener = createListener({
    service: parts.hooks,
    tickets: parts.tickets,
    turns,
    audit: (query) => parts.audit.find(query),
    approvals,
    judge: (part) =>
      judge({ ...(clientTools && { guard: clientTools }), book, secrets: parts.secrets() }, part),
    pins: { pins, warnings: () => parts.warnings.of(host.catalog()) },
    door,
    callers,
    ...(endpoint === undefined ? {} : { endpoint }),
    metrics: {
      log: {
        spending: parts.spending,
        missed: (requests) => metrics.count('unavailable', requests),
        dropped: (calls) => metrics.count('door_dropped', calls),
        requested: (request) => observeRequest(parts.observer, request),
      },
      refused: () => metrics.count('hooks_refused'),
      ...(config.metrics.prometheus === 'off'
        ? {}
        : { page: { public: config.metrics.prometheus === 'public', read: () => metrics.page() } }),
    },
    origins: config.mcp,
    secrets: parts.secrets,
    bodyBytes: config.bodyBytes,
    bodyBytesNow: parts.bodyBytesNow,
    health: parts.health,
    settle: () => observer.flush(),
    stop: parts.stop,
    log,
  });
  return {
    version,
    service,
    turnMs: limits.turnMs + limits.answerMs,
    settings,
    host,
    door,
    callers,
    bulkheads,
    prices: pricesOf(config.servers),
    approvals,
    mask,
    served: {
      door,
      features: maskedFeatures(host.features, mask),
      instructionsOf: instructing(config.servers),
      callMs: limits.callMs,
      serverInfo: parts.self,
    },
    listener,
    health,
    close() {
      void door.drained(limits.callMaxMs).then(() => host.release(limits.callMaxMs));
    },
  };
}

/** Who callers are is remembered on as long as the same is asked in the same way. */
function callersOf(settings: Settings, previous: Wired | undefined): Callers {
  const asked = ({ environment, config }: Settings) =>
    canonicalJson([environment.litellmUrl, environment.secrets, config.keyHeaderName]);
  if (previous !== undefined && asked(previous.settings) === asked(settings)) return previous.callers;
  const { environment, config } = settings;
  return new Callers({
    ask: createIdentity({ baseUrl: environment.litellmUrl, secrets: environment.secrets }),
    ...(config.keyHeaderName === undefined ? {} : { keyHeaderName: config.keyHeaderName }),
  });
}

/** Calls at one server are counted on, whoever began them, as long as no server may have other numbers of them. */
function bulkheadsOf({ config }: Settings, previous: Wired | undefined): ServerBulkheads {
  const parallel = (servers: readonly ServerConfig[]) =>
    new Map(servers.map(({ publicName, settings }) => [publicName, settings?.parallel]));
  const named = parallel(config.servers);
  if (previous !== undefined) {
    const before = parallel(previous.settings.config.servers);
    if ([...named].every(([server, most]) => before.get(server) === most)) return previous.bulkheads;
  }
  return new ServerBulkheads((server) => named.get(server));
}

/** What calls cost, by server. */
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

/** At most `parallel` calls at once; the rest of a turn's calls wait in order. */
function newGate(parallel: number): Gate {
  const policy = bulkhead(parallel, Number.MAX_SAFE_INTEGER);
  return { execute: (run) => policy.execute(run) };
}
