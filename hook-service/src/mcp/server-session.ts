import type { PriorDiscovery } from '@modelcontextprotocol/client';
import { logFailure } from '../core/failure-policy';
import type { Log, PartHealth } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { Circuit, type CircuitOptions } from './circuit';
import { explainConnectFailure, refusesInitialize } from './connect-reason';
import { openConnection, type Connection } from './connection';
import { ReconnectPolicy, type ReconnectOptions } from './reconnect-policy';
import { ToolList, type ToolListOptions } from './tool-list';
import { TokenSource } from './token-source';
import { keepSubscribed } from './tool-subscription';
import { Waiters } from './waiters';

export interface SessionOptions {
  readonly log: Log;
  readonly clientInfo: { name: string; version: string };
  readonly graceMs: number;
  readonly handshakeTimeoutMs: number;
  readonly listTimeoutMs: number;
  readonly refreshSpacingMs: number;
  readonly maxMessageBytes: number;
  readonly maxSockets: number;
  readonly reconnect: ReconnectOptions;
  readonly circuit: CircuitOptions;
  /** A server away for longer than this, after several attempts, is not waited for. */
  readonly giveUpWaitingMs: number;
  readonly admit?: ToolListOptions['admit'];
  /** Told when a session stands, for the first time or again, and when one is lost. */
  readonly onSession?: (event: SessionEvent) => void;
  onToolsChanged(): void;
}

export type SessionEvent = 'connected' | 'reconnected' | 'lost';

/** Attempts made for a waiting call are at least this far apart. */
const wakeSpacingMs = 250;
const failuresBeforeGivingUp = 5;

/**
 * The one warm session to one server, shared by all turns. Makes it, keeps it, makes it again (never two at once),
 * and lets calls wait for it.
 */
export class ServerSession {
  readonly tools: ToolList;
  /** Keeps calls from a server that fails again and again. */
  readonly circuit: Circuit;
  /** Resolves when the server is ready or its first attempt has failed. */
  readonly firstAttempt: Promise<void>;

  private connection: Connection | undefined;
  private attempt: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiters = new Waiters<Connection | undefined>();
  private readonly inFlight = new Map<Connection, number>();
  private readonly quietWaiters = new Waiters<undefined>();
  private readonly retired = new Set<Connection>();
  private readonly policy: ReconnectPolicy;
  private readonly tokens: TokenSource | undefined;
  private prior: PriorDiscovery | undefined;
  /** How a process refused `initialize`: the next one is asked in the form of 2026-07-28. */
  private refusal: unknown;
  private reason: string | undefined;
  private incompatible = false;
  private everConnected = false;
  private lastAttemptEnd = 0;
  private awaySince = Date.now();
  private closed = false;
  private readonly closing = new AbortController();
  private firstDone!: () => void;

  constructor(
    readonly server: ServerConfig,
    private readonly options: SessionOptions,
  ) {
    this.policy = new ReconnectPolicy(options.reconnect, server.transport === 'stdio');
    this.circuit = new Circuit(options.circuit, (isOpen) => this.circuitChanged(isOpen));
    const oauth = server.settings?.oauth;
    if (oauth !== undefined && server.transport !== 'stdio')
      this.tokens = new TokenSource(new URL(server.url), oauth);
    this.tools = new ToolList(server, { ...options, onChange: () => options.onToolsChanged() });
    this.firstAttempt = new Promise((resolve) => (this.firstDone = resolve));
  }

  /** Starts connecting in the background. */
  start(): void {
    this.connectNow();
  }

  /** The session, or undefined when there is none until `until` (a time), the signal's abort, or evidently for long. */
  async acquire(until: number, signal: AbortSignal): Promise<Connection | undefined> {
    if (this.connection !== undefined || this.closed || this.isGivenUp()) return this.connection;
    // Only another version of the server changes that; calls must not make the attempts any faster.
    if (this.incompatible) return undefined;
    this.wake();
    return this.waiters.wait(until - Date.now(), signal, undefined);
  }

  /** Runs work on a session; a session that was replaced is closed when the last work on it has ended. */
  async use<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    this.inFlight.set(connection, (this.inFlight.get(connection) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.inFlight.get(connection) ?? 1) - 1;
      if (left > 0) this.inFlight.set(connection, left);
      else {
        this.inFlight.delete(connection);
        if (this.retired.has(connection)) this.dispose(connection);
        if (this.inFlight.size === 0) this.quietWaiters.settle(undefined);
      }
    }
  }

  /** The server gave a result on this session: it is worth starting again soon, should it end. */
  served(connection: Connection): void {
    if (connection === this.connection) this.policy.served();
  }

  /**
   * This session is of no use any more. Many calls may say so at once: only the first one counts. `now` where
   * the server itself said it, and so is there to be asked again.
   */
  lost(connection: Connection, reason: string, now: boolean): void {
    if (connection !== this.connection || this.closed) return;
    this.connection = undefined;
    this.options.onSession?.('lost');
    this.awaySince = Date.now();
    this.reason = reason;
    const server = this.server.publicName;
    logFailure(this.options.log, 'serverAway', 'lost', { server }, { server, reason });
    this.tools.away();
    this.retired.add(connection);
    if (!this.inFlight.has(connection)) this.dispose(connection);
    const delay = this.policy.lost();
    if (now) this.connectNow();
    else this.connectLater(delay);
  }

  /** Resolves when nothing runs on any session of this server, after the time at the latest. */
  async quiet(withinMs: number): Promise<void> {
    if (this.inFlight.size === 0 && this.waiters.size === 0) return;
    await this.quietWaiters.wait(withinMs, this.closing.signal, undefined);
  }

  /** What the server tells models about itself, while it is connected. */
  instructions(): string | undefined {
    return this.connection?.client.getInstructions();
  }

  health(): PartHealth {
    const details = { transport: this.server.transport, tools: this.tools.offered().length };
    if (this.connection !== undefined) {
      const { era, protocol } = this.connection;
      if (this.tools.failure !== undefined) {
        return {
          state: 'degraded',
          reason: `Its tools could not be listed: ${this.tools.failure}`,
          ...details,
        };
      }
      const open = this.circuit.reason;
      if (open !== undefined) return { state: 'degraded', reason: open, era, protocol, ...details };
      return { state: this.tools.listed ? 'ready' : 'starting', era, protocol, ...details };
    }
    if (this.reason === undefined) return { state: 'starting', ...details };
    const reconnecting = this.everConnected && this.policy.failures < failuresBeforeGivingUp;
    const state = this.incompatible ? 'incompatible' : reconnecting ? 'reconnecting' : 'failed';
    return { state, reason: this.reason, attempts: this.policy.failures, ...details };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.closing.abort();
    clearTimeout(this.timer);
    this.tools.close();
    this.waiters.settle(undefined);
    this.firstDone();
    const open = [...this.retired, ...(this.connection === undefined ? [] : [this.connection])];
    this.connection = undefined;
    await Promise.all([...open.map((each) => each.close()), this.attempt]);
  }

  private connectNow(): void {
    if (this.closed || this.attempt !== undefined) return;
    clearTimeout(this.timer);
    this.attempt = this.connect().then((retryMs) => {
      this.attempt = undefined;
      this.lastAttemptEnd = Date.now();
      if (retryMs !== undefined) this.connectLater(retryMs);
    });
  }

  private connectLater(delayMs: number): void {
    if (this.closed || this.attempt !== undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connectNow(), delayMs);
    this.timer.unref();
  }

  /** A call waits: a remote server is asked at once, a process is not started out of turn. */
  private wake(): void {
    if (this.server.transport === 'stdio' || this.attempt !== undefined) return;
    const pause = this.lastAttemptEnd + wakeSpacingMs - Date.now();
    if (pause <= 0) this.connectNow();
    else this.connectLater(pause);
  }

  private isGivenUp(): boolean {
    if (this.policy.failures < failuresBeforeGivingUp) return false;
    if (Date.now() - this.awaySince < this.options.giveUpWaitingMs) return false;
    // Half open: one call may try, unless an attempt is under way or has only just failed.
    return (
      this.server.transport === 'stdio' ||
      this.attempt !== undefined ||
      Date.now() - this.lastAttemptEnd < wakeSpacingMs
    );
  }

  /** One attempt. Resolves with the pause before the next one, where it failed. */
  private async connect(): Promise<number | undefined> {
    try {
      const connection: Connection = await openConnection(this.server, {
        ...this.options,
        ...(this.prior === undefined ? {} : { prior: this.prior }),
        ...(this.tokens === undefined ? {} : { tokens: this.tokens }),
        modernOnly: this.refusal !== undefined,
        signal: this.closing.signal,
        onToolsChanged: () => this.connection !== undefined && this.tools.changed(this.connection),
        onLost: (reason) => this.lost(connection, reason, false),
      });
      this.established(connection);
      return undefined;
    } catch (error) {
      // What an earlier connection learned may be what no longer fits.
      this.prior = undefined;
      if (this.server.transport === 'stdio' && this.refusal === undefined && refusesInitialize(error)) {
        this.refusal = error;
        return 0;
      }
      const reported = this.refusal ?? error;
      this.refusal = undefined;
      return this.failed(reported);
    }
  }

  private established(connection: Connection): void {
    this.connection = connection;
    this.options.onSession?.(this.everConnected ? 'reconnected' : 'connected');
    this.everConnected = true;
    this.reason = undefined;
    this.incompatible = false;
    this.refusal = undefined;
    this.policy.connected();
    this.circuit.close();
    const discover = connection.client.getDiscoverResult();
    if (connection.era === 'legacy') this.prior = { kind: 'legacy' };
    else if (discover !== undefined) this.prior = { kind: 'modern', discover };
    const server = this.server.publicName;
    const { era, protocol } = connection;
    logFailure(this.options.log, 'serverAway', 'back', { server, era, protocol }, { server });
    this.tools.back();
    // Calls that wait need the session, not the list.
    this.waiters.settle(connection);
    if (connection.era === 'modern') keepSubscribed(connection, () => this.tools.changed(connection));
    void this.tools.refresh(connection).then(this.firstDone);
  }

  private async failed(error: unknown): Promise<number | undefined> {
    if (this.closed) return undefined;
    const reason = await explainConnectFailure(this.server, error, this.options.handshakeTimeoutMs);
    this.incompatible = reason.incompatible === true;
    const delay = this.policy.failed(reason);
    const fields = { server: this.server.publicName, reason: reason.text, attempt: this.policy.failures };
    if (this.reason?.startsWith(reason.text) === true)
      this.options.log.debug('An MCP server still cannot be connected', fields);
    else logFailure(this.options.log, 'serverAway', 'notConnected', fields, fields);
    this.reason = reason.text;
    if (this.policy.startsRest > 0) {
      const minutes = Math.ceil(this.policy.startsRest / 60_000);
      this.reason += `; it ended so often that it is started again in ${minutes} min`;
    }
    this.firstDone();
    if (this.isGivenUp() || reason.lasting) this.waiters.settle(undefined);
    return this.waiters.size > 0 ? Math.min(delay, 2 * wakeSpacingMs) : delay;
  }

  private circuitChanged(isOpen: boolean): void {
    const server = this.server.publicName;
    if (!isOpen) logFailure(this.options.log, 'serverFails', 'back', { server }, { server });
    else {
      const { reason = '' } = this.circuit;
      logFailure(this.options.log, 'serverFails', 'opened', { server }, { server, reason });
    }
  }

  private dispose(connection: Connection): void {
    this.retired.delete(connection);
    void connection.close();
  }
}
