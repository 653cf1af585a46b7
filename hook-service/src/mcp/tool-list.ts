import type { HostTool, Log } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { isJsonObject, type JsonObject } from '../core/json';
import { cleanText } from './clean-text';
import type { Connection } from './connection';
import type { Headers } from './http-headers';
import { listAllTools } from './listing';
import { headerParams, paramHeaders, type HeaderParam } from './param-headers';
import { notOffered, readTools } from './tool-definition';

export interface ToolListOptions {
  readonly log: Log;
  readonly listTimeoutMs: number;
  /** How long the tools of a server that is away stay on offer. */
  readonly graceMs: number;
  /** Least time between two listings that the server asked for: it may send `list_changed` without end. */
  readonly refreshSpacingMs: number;
  /** Which of the tools that the server lists may be offered, and as what. Never rejects. Absent: all, as they are. */
  readonly admit?:
    ((server: ServerConfig, tools: readonly HostTool[]) => Promise<readonly HostTool[]>) | undefined;
  /** The offered tools are others than before. */
  onChange(): void;
}

/** Listings by `ttlMs` (2026-07-28) are not repeated more often than this, and at most this seldom. */
const ttlBoundsMs = { least: 60_000, most: 3_600_000 };

/** The tools of one server: the last list that could be read, on offer while the server is there or will soon be. */
export class ToolList {
  /** Why the newest listing failed; the list before it stays. */
  failure: string | undefined;
  listed = false;

  private raw: readonly HostTool[] = [];
  private tools: readonly HostTool[] = [];
  private byName = new Map<string, HostTool>();
  private headerParams: ReadonlyMap<string, readonly HeaderParam[]> = new Map();
  private fingerprint = '[]';
  private hidden = false;
  private graceTimer: NodeJS.Timeout | undefined;
  private refreshTimer: NodeJS.Timeout | undefined;
  private running = false;
  private again = false;
  private lastRefresh = 0;

  constructor(
    private readonly server: ServerConfig,
    private readonly options: ToolListOptions,
  ) {}

  offered(): readonly HostTool[] {
    return this.hidden ? [] : this.tools;
  }

  /** A tool that was offered at some time; also while the server is away. */
  find(tool: string): HostTool | undefined {
    return this.byName.get(tool);
  }

  /** The headers that this call repeats arguments in (2026-07-28); none for most tools. */
  headersFor(tool: string, args: JsonObject): Headers | undefined {
    const params = this.headerParams.get(tool);
    return params === undefined ? undefined : paramHeaders(params, args);
  }

  /** Lists now. Never rejects. */
  async refresh(connection: Connection): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    clearTimeout(this.refreshTimer);
    this.lastRefresh = Date.now();
    try {
      const listing =
        connection.client.getServerCapabilities()?.tools === undefined
          ? { tools: [] }
          : await listAllTools(connection, {
              server: this.server.publicName,
              log: this.options.log,
              timeoutMs: this.options.listTimeoutMs,
            });
      this.failure = undefined;
      this.raw = readTools(this.server, this.withHeaders(listing.tools, connection), this.options.log);
      await this.readmit();
      this.listed = true;
      if (listing.ttlMs !== undefined) {
        this.refreshLater(connection, Math.min(Math.max(listing.ttlMs, ttlBoundsMs.least), ttlBoundsMs.most));
      }
    } catch (error) {
      this.failed(error, connection);
    } finally {
      this.running = false;
    }
    if (this.again) {
      this.again = false;
      this.changed(connection);
    }
  }

  /** The server says that its tools changed. */
  changed(connection: Connection): void {
    if (this.running) {
      this.again = true;
      return;
    }
    this.refreshLater(connection, Math.max(0, this.lastRefresh + this.options.refreshSpacingMs - Date.now()));
  }

  /** The server is away: its tools stay on offer for the grace. */
  away(): void {
    clearTimeout(this.refreshTimer);
    if (this.graceTimer !== undefined || this.hidden) return;
    this.graceTimer = setTimeout(() => {
      this.graceTimer = undefined;
      this.hidden = true;
      if (this.tools.length > 0) this.options.onChange();
    }, this.options.graceMs);
    this.graceTimer.unref();
  }

  /** The server is back. */
  back(): void {
    clearTimeout(this.graceTimer);
    this.graceTimer = undefined;
    if (!this.hidden) return;
    this.hidden = false;
    if (this.tools.length > 0) this.options.onChange();
  }

  close(): void {
    clearTimeout(this.graceTimer);
    clearTimeout(this.refreshTimer);
  }

  /** Asks again which of the tools may be offered. */
  async readmit(): Promise<void> {
    const { raw } = this;
    const tools = (await this.options.admit?.(this.server, raw)) ?? raw;
    // A newer list, which came meanwhile, has asked for itself.
    if (raw === this.raw) this.take(tools);
  }

  private take(tools: readonly HostTool[]): void {
    const fingerprint = JSON.stringify(tools);
    if (fingerprint === this.fingerprint) return;
    this.fingerprint = fingerprint;
    this.tools = tools;
    this.byName = new Map(tools.map((tool) => [tool.tool, tool]));
    this.options.onChange();
  }

  /** On streamable HTTP of 2026-07-28: learns which arguments go into headers, and drops tools that declare it wrong. */
  private withHeaders(listed: readonly unknown[], connection: Connection): readonly unknown[] {
    const params = new Map<string, readonly HeaderParam[]>();
    this.headerParams = params;
    if (connection.era !== 'modern' || this.server.transport !== 'http') return listed;
    return listed.filter((raw) => {
      if (!isJsonObject(raw) || typeof raw['name'] !== 'string' || !isJsonObject(raw['inputSchema']))
        return true;
      const found = headerParams(raw['inputSchema']);
      if (typeof found === 'string') {
        const tool = cleanText(raw['name'], 128);
        notOffered(this.options.log, { server: this.server.publicName, tool, reason: found });
        return false;
      }
      if (found.length > 0) params.set(raw['name'], found);
      return true;
    });
  }

  private failed(error: unknown, connection: Connection): void {
    // The session's end is reported where it is noticed; it is not the list that is wrong.
    if (connection.isClosed()) return;
    this.failure = cleanText(error instanceof Error ? error.message : String(error));
    this.options.log.warn(`The tools of MCP server ${this.server.publicName} could not be listed`, {
      server: this.server.publicName,
      reason: this.failure,
      kept: this.tools.length,
    });
    this.refreshLater(connection, ttlBoundsMs.least / 2);
  }

  private refreshLater(connection: Connection, milliseconds: number): void {
    clearTimeout(this.refreshTimer);
    this.refreshTimer = setTimeout(() => {
      if (!connection.isClosed()) void this.refresh(connection);
    }, milliseconds);
    this.refreshTimer.unref();
  }
}
