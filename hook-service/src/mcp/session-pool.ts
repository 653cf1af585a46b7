import { createHmac, randomBytes } from 'node:crypto';
import type { Log } from '../core/ports';
import type { RemoteServer } from '../core/servers';
import { ServerSession, type SessionOptions } from './server-session';

export interface SessionPoolOptions {
  readonly session: Omit<SessionOptions, 'onToolsChanged'>;
  /** Most sessions of one server at the same time, beside the one that all share. */
  readonly maxSessions: number;
  /** A session that nobody has used for this long is closed. */
  readonly idleMs: number;
}

interface Pooled {
  readonly session: ServerSession;
  users: number;
  timer?: NodeJS.Timeout;
}

/**
 * Sessions to one server under headers of clients: one for each set of headers, made when it is first asked for, never
 * two at once for the same set, and never one for two sets. What is kept to know a set again is a digest under a key
 * that dies with this process.
 */
export class SessionPool {
  private readonly pooled = new Map<string, Pooled>();
  private readonly digestKey = randomBytes(32);
  /** Sessions being closed; a stop waits for them. */
  private readonly closing = new Set<Promise<void>>();
  private closed = false;

  constructor(
    private readonly server: RemoteServer,
    private readonly options: SessionPoolOptions,
  ) {}

  /** The session of these headers, where there is one. */
  find(headers: Readonly<Record<string, string>>): ServerSession | undefined {
    return this.pooled.get(this.digestOf(headers))?.session;
  }

  /**
   * Runs work on the session of these headers; it stays open until the work has ended. Without calling `work` it gives
   * undefined where no session can be made: every one is in use, or the pool is closed.
   */
  async use<T>(
    headers: Readonly<Record<string, string>>,
    work: (session: ServerSession) => Promise<T>,
  ): Promise<T | undefined> {
    const digest = this.digestOf(headers);
    const pooled = this.pooled.get(digest) ?? this.open(digest, headers);
    if (pooled === undefined) return undefined;
    // The one used last stands last.
    this.pooled.delete(digest);
    this.pooled.set(digest, pooled);
    clearTimeout(pooled.timer);
    pooled.users += 1;
    try {
      return await work(pooled.session);
    } finally {
      pooled.users -= 1;
      if (pooled.users === 0) this.release(digest, pooled);
    }
  }

  /** Resolves when nobody uses any of the sessions, after the time at the latest. */
  async quiet(withinMs: number): Promise<void> {
    const until = Date.now() + withinMs;
    const sessions = [...this.pooled.values()].map((pooled) => pooled.session);
    await Promise.all(sessions.map((session) => session.quiet(until - Date.now())));
  }

  /** Ends every session. */
  async close(): Promise<void> {
    this.closed = true;
    for (const [digest, pooled] of this.pooled) this.drop(digest, pooled);
    await Promise.all(this.closing);
  }

  private open(digest: string, headers: Readonly<Record<string, string>>): Pooled | undefined {
    if (this.closed || !this.makeRoom()) return undefined;
    const { session: options } = this.options;
    const session = new ServerSession(withHeaders(this.server, headers), {
      ...options,
      log: quiet(options.log, digest.slice(0, 8)),
      onToolsChanged: () => undefined,
    });
    const pooled: Pooled = { session, users: 0 };
    this.pooled.set(digest, pooled);
    session.start();
    return pooled;
  }

  /** Closes the session that was not used for longest, where there are too many. False when all are in use. */
  private makeRoom(): boolean {
    if (this.pooled.size < this.options.maxSessions) return true;
    const idle = [...this.pooled].find(([, { users }]) => users === 0);
    if (idle === undefined) return false;
    this.drop(...idle);
    return true;
  }

  private release(digest: string, pooled: Pooled): void {
    if (this.pooled.get(digest) !== pooled) return;
    const { state } = pooled.session.health();
    // One that does not connect, for a wrong credential perhaps, would go on trying for nobody.
    if (state === 'failed' || state === 'reconnecting' || state === 'incompatible') this.drop(digest, pooled);
    else {
      pooled.timer = setTimeout(() => this.drop(digest, pooled), this.options.idleMs);
      pooled.timer.unref();
    }
  }

  private drop(digest: string, pooled: Pooled): void {
    clearTimeout(pooled.timer);
    this.pooled.delete(digest);
    const closing = pooled.session.close().finally(() => this.closing.delete(closing));
    this.closing.add(closing);
  }

  /** Tells sets of headers apart; says nothing about them to anybody outside of this process. */
  digestOf(headers: Readonly<Record<string, string>>): string {
    const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
    return createHmac('sha256', this.digestKey).update(JSON.stringify(sorted)).digest('base64url');
  }
}

/** The server as this client reaches it. Who brings an authorization of its own gets no access token of ours. */
function withHeaders(server: RemoteServer, own: Readonly<Record<string, string>>): RemoteServer {
  const { settings, ...rest } = server;
  const headers = replaced(server.headers, own);
  if (settings === undefined) return { ...rest, headers };
  const { oauth, ...others } = settings;
  const keepsOAuth = oauth !== undefined && own['authorization'] === undefined;
  return { ...rest, headers, settings: { ...others, ...(keepsOAuth ? { oauth } : {}) } };
}

/** A header of the client takes the place of the configured one of the same name, however that is written. */
function replaced(
  configured: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(configured).filter(([name]) => own[name.toLowerCase()] === undefined);
  return { ...Object.fromEntries(kept), ...own };
}

/** Clients come and go: what is news of the shared session is none of theirs. */
function quiet(log: Log, session: string): Log {
  return {
    debug: (message, fields) => log.debug(message, { ...fields, client_session: session }),
    info: (message, fields) => log.debug(message, { ...fields, client_session: session }),
    warn: (message, fields) => log.warn(message, { ...fields, client_session: session }),
    error: (message, fields) => log.error(message, { ...fields, client_session: session }),
  };
}
