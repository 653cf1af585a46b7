import { bulkhead, BulkheadRejectedError, type BulkheadPolicy } from 'cockatiel';
import { forServer, scopeOf, type Caller } from './caller';
import type { RequestHeaders } from './callers';
import { textResult } from './builtin-run';
import type { OfferedTool } from './dialect';
import { ToolturnError } from './errors';
import type { JsonObject } from './json';
import type { Limits } from './limits';
import type { OfferBook } from './offer';
import type { HostTool, Log, PartHealth, ToolHost, ToolProgress, ToolResult } from './ports';
import { readSelection, selects, type Selection } from './selection';
import { withServerHeaders } from './server-headers';
import type { ServerConfig } from './servers';

export interface ToolDoorDeps {
  readonly book: OfferBook;
  readonly host: ToolHost;
  readonly servers: readonly ServerConfig[];
  readonly limits: Limits;
  readonly log: Log;
  /** Each server's state by its public name. */
  readonly health: () => Record<string, PartHealth>;
}

/** Who asks, and for what: a request outside of any turn. */
export interface Visit {
  readonly caller: Caller;
  /** What the request's headers choose; absent: everything the caller may use. */
  readonly selection?: Selection;
  /** The one server of `/mcp/<server>`, by its public name: names are bare then. */
  readonly server?: string;
}

/** One server as a caller may see it. */
export interface ServerView {
  readonly name: string;
  readonly description?: string;
  readonly state: PartHealth['state'];
  /** Why it is not ready. */
  readonly reason?: string;
  readonly tools: number;
}

export interface DoorCall {
  readonly name: string;
  readonly arguments: JsonObject;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ToolProgress) => void;
}

/** Calls of one caller that may wait for others of theirs; further ones are refused. */
const waiting = 100;

/**
 * Tools without a turn: who may list and call what over `/v1/tools` and `/mcp`. Every answer comes from the same book
 * as a turn's offer, so that they cannot disagree.
 */
export class ToolDoor {
  private active = 0;
  private readonly idle: (() => void)[] = [];
  private readonly gates = new Map<string, BulkheadPolicy>();

  constructor(private readonly deps: ToolDoorDeps) {}

  /**
   * What a request may see, by its headers and the server in its path. Throws `bad_request` for a name in the headers
   * that is not known, `not_found` for a server that is not known or not open to the caller: both look the same.
   */
  async visit(known: Caller, headers: RequestHeaders, server?: string): Promise<Visit> {
    const { servers, host } = this.deps;
    const { selection } = readSelection(headers, {}, servers);
    const chosen = selection === undefined ? {} : { selection };
    const caller = withServerHeaders(known, headers, servers);
    if (caller.serverHeaders !== undefined) await host.prepare?.(caller.serverHeaders);
    if (server === undefined) return { caller, ...chosen };
    const found = this.open(caller).find((each) => each.publicName === server || each.name === server);
    if (found === undefined)
      throw new ToolturnError('not_found', 'There is no MCP server of this name that this key may use.');
    return { caller, server: found.publicName, ...chosen };
  }

  /** The tools that the visitor may use now, under the names it calls them by. */
  tools({ caller, selection, server }: Visit): readonly OfferedTool[] {
    const all = this.deps.book.list(
      caller,
      (tool) => (server === undefined || tool.server === server) && selects(selection, tool),
    );
    return server === undefined ? all : all.map(({ host }) => ({ name: host.tool, host }));
  }

  /** The servers that the visitor may use, those that are down included. */
  servers(visit: Visit): readonly ServerView[] {
    const health = this.deps.health();
    const tools = this.tools(visit);
    return this.chosen(visit).map((server) => {
      const { state, reason } = health[server.publicName] ?? { state: 'failed' as const };
      return {
        name: server.publicName,
        ...(server.description === undefined ? {} : { description: server.description }),
        state,
        ...(reason === undefined ? {} : { reason }),
        tools: tools.filter(({ host }) => host.server === server.publicName).length,
      };
    });
  }

  /** Names of the servers whose resources and prompts the visitor may use: those that are open to it as a whole. */
  serverNames(visit: Visit): readonly string[] {
    const names = this.chosen(visit).map((server) => server.publicName);
    return names.filter((name) => this.deps.book.opens(visit.caller, name));
  }

  /**
   * Runs one call, looked up again for this caller. Undefined for a tool that is not there or not for the caller;
   * any failure of the tool is a value. Throws with status 429 where the caller has too many calls waiting.
   */
  async call(visit: Visit, call: DoorCall): Promise<ToolResult | undefined> {
    const found = this.tools(visit).find((each) => each.name === call.name);
    if (found === undefined) {
      this.denied(visit, call.name, 'tool');
      return undefined;
    }
    const tool = found.host;
    const refused = this.deps.book
      .accessOf(visit.caller)
      .refusal(this.nameInBook(visit, found), call.arguments);
    if (refused !== undefined) {
      this.denied(visit, call.name, 'argument');
      return textResult(`The tool ${call.name} was not run: ${refused}.`, 'denied');
    }
    this.active += 1;
    try {
      return await this.run(visit, tool, call);
    } finally {
      this.active -= 1;
      if (this.active === 0) for (const resolve of this.idle.splice(0)) resolve();
    }
  }

  /** Resolves when no call runs any more, or after the time. */
  async drained(withinMs: number): Promise<void> {
    if (this.active === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
      this.idle.push(resolve);
    });
    clearTimeout(timer);
  }

  private run(visit: Visit, tool: HostTool, call: DoorCall): Promise<ToolResult> {
    return this.gated(visit.caller, call.signal, () =>
      this.deps.host.call({
        server: tool.server,
        tool: tool.tool,
        arguments: call.arguments,
        signal: call.signal,
        timeoutMs: this.deps.limits.callMs,
        maxTimeoutMs: this.deps.limits.callMaxMs,
        wantsWhole: true,
        ...(call.onProgress === undefined ? {} : { onProgress: call.onProgress }),
        ...forServer(visit.caller, tool.server),
      }),
    );
  }

  private chosen({ caller, selection, server }: Visit): readonly ServerConfig[] {
    return this.open(caller).filter(
      ({ publicName }) =>
        (server === undefined || publicName === server) &&
        (selection === undefined || selection.servers.some((each) => each.server === publicName)),
    );
  }

  /** Servers that are open as a whole, and those of which some tool may be used. */
  private open(caller: Caller): readonly ServerConfig[] {
    const { book, servers } = this.deps;
    const named = new Set(book.list(caller).map(({ host }) => host.server));
    return servers.filter(({ publicName }) => named.has(publicName) || book.opens(caller, publicName));
  }

  /** The name under which the book has a tool: at `/mcp/<server>` names are bare. */
  private nameInBook({ caller, server }: Visit, tool: OfferedTool): string {
    if (server === undefined) return tool.name;
    return this.deps.book.list(caller).find(({ host }) => host === tool.host)?.name ?? tool.name;
  }

  private denied({ caller: { alias, user, team } }: Visit, tool: string, reason: 'tool' | 'argument'): void {
    this.deps.log.info('a tool call was denied', {
      decision: 'denied',
      reason,
      tool: tool.slice(0, 128),
      ...(alias === undefined ? {} : { key_alias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
  }

  /** At most `limits.parallel` calls of one caller at once. */
  private async gated<T>(caller: Caller, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const scope = scopeOf(caller);
    const { parallel } = this.deps.limits;
    const gate = this.gates.get(scope) ?? bulkhead(parallel, waiting);
    this.gates.set(scope, gate);
    try {
      return await gate.execute(run, signal);
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      throw new ToolturnError('bad_request', 'Too many calls of this key wait already.', { status: 429 });
    } finally {
      if (gate.executionSlots === parallel) this.gates.delete(scope);
    }
  }
}
