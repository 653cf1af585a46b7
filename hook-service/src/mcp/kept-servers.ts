import { canonicalJson } from '../core/canonical-json';
import type { ServerConfig } from '../core/servers';
import { HealthCheck } from './health-check';
import { ServerSession, type SessionEvent, type SessionOptions } from './server-session';
import { SessionPool } from './session-pool';

export interface KeptServersOptions {
  readonly session: Omit<SessionOptions, 'onToolsChanged' | 'onSession'>;
  /** Told of the shared session of each server, by its public name. */
  readonly onServer?: (server: string, event: SessionEvent) => void;
  readonly healthCheckIntervalMs: number;
  /** Most sessions under headers of clients, for each server. */
  readonly clientSessions: number;
  /** How long such a session stays open when nobody uses it. */
  readonly clientIdleMs: number;
}

/** One server as it is configured, with all that stays open to it. */
export interface KeptServer {
  readonly session: ServerSession;
  readonly check?: HealthCheck;
  /** Sessions under headers of clients; a program has none. */
  readonly pool?: SessionPool;
  /** Told when the tools on offer are others. */
  readonly listeners: Set<() => void>;
}

interface Kept extends KeptServer {
  readonly fingerprint: string;
  started: boolean;
  holders: number;
}

/**
 * Servers by what their entries say. Lists of servers that follow each other share those that are the same in both:
 * sessions, processes, circuits and lists of tools stay as they are. One that no list holds any more is closed.
 */
export class KeptServers {
  private readonly kept = new Map<string, Kept>();
  /** Let go of, and waiting for what still runs on them. */
  private readonly draining = new Set<Kept>();
  private readonly endings = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly options: KeptServersOptions) {}

  /** The server of this entry: the one there is, or a new one. Goes with one `release`. */
  hold(server: ServerConfig): KeptServer {
    const fingerprint = connectionOf(server);
    const kept = this.kept.get(fingerprint) ?? this.made(server, fingerprint);
    this.kept.set(fingerprint, kept);
    kept.holders += 1;
    return kept;
  }

  /** Begins to connect; nothing where that was done before. */
  start(server: KeptServer): void {
    const kept = this.find(server);
    if (kept === undefined || kept.started || this.closed) return;
    kept.started = true;
    kept.session.start();
    kept.check?.start();
  }

  /** Without a holder the server is closed when nothing runs on it any more, after `drainMs` at the latest. */
  release(server: KeptServer, drainMs: number): void {
    const kept = this.find(server);
    if (kept === undefined) return;
    kept.holders -= 1;
    if (kept.holders > 0) return;
    this.kept.delete(kept.fingerprint);
    this.draining.add(kept);
    kept.check?.close();
    const ending = Promise.all([kept.session.quiet(drainMs), kept.pool?.quiet(drainMs)])
      .then(() => this.end(kept))
      .finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }

  /** Ends every session and process, those that drain too. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.kept.values(), ...this.draining].map((kept) => this.end(kept)));
    await Promise.all(this.endings);
  }

  private async end(kept: Kept): Promise<void> {
    kept.check?.close();
    await Promise.all([kept.session.close(), kept.pool?.close()]);
    this.draining.delete(kept);
  }

  private find(server: KeptServer): Kept | undefined {
    return [...this.kept.values()].find((kept) => kept === server);
  }

  private made(server: ServerConfig, fingerprint: string): Kept {
    const {
      session,
      onServer,
      healthCheckIntervalMs,
      clientSessions: maxSessions,
      clientIdleMs: idleMs,
    } = this.options;
    const listeners = new Set<() => void>();
    const onToolsChanged = () => {
      for (const listener of listeners) listener();
    };
    const kept = {
      fingerprint,
      session: new ServerSession(server, {
        ...session,
        onToolsChanged,
        ...(onServer && { onSession: (event: SessionEvent) => onServer(server.publicName, event) }),
      }),
      listeners,
      started: false,
      holders: 0,
    };
    if (server.transport === 'stdio') return kept;
    const path = server.healthCheck;
    return {
      ...kept,
      pool: new SessionPool(server, { session, maxSessions, idleMs }),
      ...(path === undefined ? {} : { check: new HealthCheck(server, path, healthCheckIntervalMs) }),
    };
  }
}

/**
 * What a session is made of, as a text that is equal for equal entries. Who may use a server, its groups, its
 * description, what is passed on of its instructions and how many calls run at it are asked of the config each time, and so can change while a
 * session lasts. Secrets are in it: it stays in memory.
 */
function connectionOf(server: ServerConfig): string {
  const {
    allowedKeyHashes: _keys,
    accessGroups: _groups,
    litellmIds: _ids,
    description: _text,
    prices: _prices,
    ...rest
  } = server;
  const {
    instructions: _instructions,
    enabled: _enabled,
    parallel: _parallel,
    ...settings
  } = rest.settings ?? {};
  return canonicalJson({ ...rest, settings });
}
