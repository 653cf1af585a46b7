import { randomUUID } from 'node:crypto';
import { bulkhead, BulkheadRejectedError, type BulkheadPolicy } from 'cockatiel';
import type { Allowances } from './allowance';
import type { ApprovalPolicy } from './approval-policy';
import { boundArguments } from './arguments';
import { textResult } from './builtin-run';
import { CallPath, type Aim, type CallMaker, type CallPathDeps, type Ran } from './call-path';
import { scopeOf, type Caller } from './caller';
import type { RequestHeaders } from './callers';
import type { OfferedTool } from './dialect';
import { ToolturnError } from './errors';
import type { JsonObject } from './json';
import { warningKey } from './look-alikes';
import { resultText } from './result-text';
import { shownName } from './naming';
import { observedCall, turnObserver, type Observer } from './observer';
import type { OfferBook } from './offer';
import type { HostTool, PartHealth, ToolProgress, ToolResult } from './ports';
import { readSelection, selects, type Selection } from './selection';
import { withServerHeaders } from './server-headers';
import type { ServerConfig } from './servers';

export interface ToolDoorDeps extends CallPathDeps {
  readonly book: OfferBook;
  readonly servers: readonly ServerConfig[];
  /** Each server's state by its public name. */
  readonly health: () => Record<string, PartHealth>;
  /** Which tools people are asked about: they run in turns alone. Absent: none. */
  readonly policy?: ApprovalPolicy;
  /** Told of every call; absent: nobody watches. */
  readonly observer?: Observer;
  /** What a key may use over time; absent: as much as it likes. */
  readonly allowances?: Pick<Allowances, 'refusal'>;
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
  private readonly path: CallPath;

  constructor(private readonly deps: ToolDoorDeps) {
    this.path = new CallPath(deps);
  }

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
    const { book, policy } = this.deps;
    const all = book
      .list(caller, (tool) => (server === undefined || tool.server === server) && selects(selection, tool))
      // Nobody can be asked here.
      .filter(({ name, host }) => policy?.expiry(caller, host, name) === undefined);
    return server === undefined ? all : all.map(({ host }) => ({ name: shownName(host), host }));
  }

  /** What a person should look at in a tool of the visitor's; nothing follows from it. */
  warnings({ caller }: Visit, { host }: OfferedTool): readonly string[] {
    return this.deps.book.warnings(caller).get(warningKey(host)) ?? [];
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
   * Runs one call in the way of a turn's, looked up again for this caller; what the server gives is passed on whole.
   * Undefined for a tool that is not there or not for the caller; any failure of the tool is a value. Throws with
   * status 429 where the caller has too many calls waiting.
   */
  async call(visit: Visit, call: DoorCall): Promise<ToolResult | undefined> {
    const { caller, server } = visit;
    const { book } = this.deps;
    const found = this.tools(visit).find((each) => each.name === call.name);
    // At `/mcp/<server>` names are bare; the rules of access and the log know tools by their names in the book.
    const name = server === undefined ? call.name : (book.nameAt(caller, server, call.name) ?? call.name);
    const by = { caller, scope: scopeOf(caller), access: book.accessOf(caller) };
    const told = this.watch(by, call);
    if (found === undefined) {
      const denied = by.access.denied(name) !== undefined;
      if (denied) this.path.denied(by, name, 'tool');
      told?.({ result: textResult('', denied ? 'denied' : 'unknown_tool') });
      return undefined;
    }
    this.active += 1;
    try {
      const aim = { tool: found.host, name, arguments: call.arguments, asked: call.arguments };
      const ran = await this.run(by, aim, call);
      told?.(ran, found.host);
      return ran.result;
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

  /** Tells those who watch of one call, when it is over. */
  private watch({ caller, scope }: CallMaker, call: DoorCall) {
    const { observer } = this.deps;
    if (observer === undefined) return undefined;
    const { alias, user, team } = caller;
    const tell = turnObserver(observer, {
      scope,
      dialect: 'direct',
      stream: false,
      model: '',
      ...(alias === undefined ? {} : { keyAlias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
    const written = { id: randomUUID(), name: call.name, arguments: JSON.stringify(call.arguments) };
    const watched = observedCall(tell, written, { number: 0, round: 0 });
    const begun = performance.now();
    return ({ result, cached }: Ran, tool?: HostTool): void => {
      if (tool !== undefined) watched.started(tool, written.arguments);
      watched.finished({
        call: written,
        text: resultText(result, call.name),
        ...(result.failure === undefined ? {} : { failure: result.failure }),
        ...(cached === true ? { cached } : {}),
        ...(result.masked === undefined ? {} : { masked: result.masked }),
        milliseconds: Math.round(performance.now() - begun),
      });
    };
  }

  private async run(by: CallMaker, meant: Aim, call: DoorCall): Promise<Ran> {
    const bound = boundArguments(meant.arguments);
    if (!bound.ok) {
      const text = `The tool ${call.name} was not run: ${bound.reason}.`;
      return { result: textResult(text, 'invalid_arguments') };
    }
    const aim = await this.path.permitted(by, meant, call.name);
    if (!('tool' in aim)) return { result: aim };
    const used = await this.deps.allowances?.refusal(by.scope);
    if (used !== undefined) {
      const text = `The tool ${call.name} was not run: the limit of ${used.what} is reached.`;
      return { result: textResult(text, 'limit') };
    }
    return this.path.run(by, aim, {
      signal: call.signal,
      queue: (run) => this.gated(by.scope, call.signal, run),
      wantsWhole: true,
      ...(call.onProgress === undefined ? {} : { onProgress: call.onProgress }),
    });
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

  /** At most `limits.parallel` calls of one caller at once. */
  private async gated<T>(scope: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
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
