import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FeedEvents } from '../../console-page/shapes';
import { ToolturnError } from '../core/errors';
import type { Observer } from '../core/observer';
import type { PartHealth } from '../core/ports';
import type { Prices } from '../core/prices';
import type { Mask } from '../core/result-safety';
import { ApprovalWatch } from './approval-watch';
import { createConsoleApp, type ConsoleAppDeps } from './app';
import { Feed } from './feed';
import { HealthWatch } from './health-watch';
import { Sessions } from './sessions';
import { TurnBoard } from './turn-board';

export interface ConsoleOptions extends Omit<
  ConsoleAppDeps,
  'sessions' | 'feed' | 'watch' | 'content' | 'onAccepted' | 'onDecided'
> {
  readonly settings: ConsoleSettings;
  readonly token: string;
  readonly mask: Mask;
  /** What calls of tools cost now. */
  readonly prices: () => Prices;
  readonly health: () => Record<string, PartHealth>;
  readonly ask: () => Promise<Record<string, PartHealth>>;
  readonly onCatalogChange: (callback: () => void) => () => void;
}

/** `toolturn.console`. */
export interface ConsoleSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly hosts: readonly string[];
  /** True: arguments and results of calls are shown. */
  readonly content: boolean;
}

/** The console of one hook-service. */
export interface Console {
  /** Sees the turns. */
  readonly observer: Observer;
  /** Resolves to the address. Throws `ToolturnError` where the port cannot be had. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

/** Builds the console; it is there for browsers once `listen` has resolved. */
export function createConsole(options: ConsoleOptions): Console {
  const { settings, tools } = options;
  const { content, hosts } = settings;
  const board = new TurnBoard({ content, mask: options.mask, prices: options.prices });
  const watch = new HealthWatch({ health: options.health, ask: options.ask });
  const approvals = new ApprovalWatch(options.approvals);
  const dirty = new Set<'parts' | 'turns' | 'limits' | 'catalog' | 'approvals'>();
  let hits = board.limitHits();

  const catalog = (): FeedEvents['catalog'] => ({
    version: tools.catalog().version,
    changes: tools.changes().length,
  });
  const changed = (): Partial<FeedEvents> => {
    const parts = dirty.delete('parts') ? { parts: watch.parts() } : {};
    const tooling = dirty.delete('catalog') ? { catalog: catalog() } : {};
    const turns = dirty.delete('turns') ? { turns: board.takeChanged() } : {};
    const asked = dirty.delete('approvals') ? { approvals: approvals.list() } : {};
    const isHit = board.limitHits() !== hits;
    hits = board.limitHits();
    return { ...parts, ...tooling, ...turns, ...asked, ...(isHit ? { limits: hits } : {}) };
  };
  const all = (): FeedEvents => ({
    parts: watch.parts(),
    turns: board.list(),
    limits: board.limitHits(),
    catalog: catalog(),
    approvals: approvals.list(),
  });
  const feed = new Feed({ all, changed });
  const touch = (what: 'parts' | 'turns' | 'catalog' | 'approvals') => () => {
    dirty.add(what);
    feed.touch();
  };
  board.onChange(touch('turns'));
  watch.onChange(touch('parts'));
  approvals.onChange(touch('approvals'));
  const unsubscribe = options.onCatalogChange(touch('catalog'));

  const sessions = new Sessions({ token: options.token });
  const app = createConsoleApp({
    ...options,
    hosts,
    content,
    watch,
    sessions,
    feed,
    onAccepted: touch('catalog'),
    onDecided: () => approvals.look(),
  });
  const server = createServer(app);
  // Logins and questions of the page are small; a connection that dawdles is one of somebody else.
  server.requestTimeout = 30_000;
  server.maxConnections = 200;

  return {
    observer: {
      observe(observation) {
        board.observe(observation);
        approvals.observe(observation);
      },
    },
    async listen() {
      const { host, port } = settings;
      await listening(server, host, port);
      const { port: taken } = server.address() as AddressInfo;
      return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
    },
    async close() {
      unsubscribe();
      watch.close();
      approvals.close();
      feed.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} is in use: set toolturn.console.port to a free one`
          : `the console cannot listen on ${host}:${port} (${error.code ?? error.name})`;
      reject(new ToolturnError('config_invalid', reason, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
