import { Access, openPolicy, type AccessPolicy, type Permission } from './access';
import {
  builtinNames,
  builtinOf,
  readMore,
  runnable,
  type Builtin,
  type OurTool,
  type Reach,
} from './builtin';
import type { Caller } from './caller';
import type { ClientTools, OfferedTool } from './dialect';
import type { JsonObject } from './json';
import type { InjectMode } from './limits';
import { toolWarnings } from './look-alikes';
import type { Catalog, HostTool, IndexTools, ToolHost } from './ports';
import { offeredName, shownName } from './naming';
import { NamedCatalog } from './search-catalog';
import { globPattern, searchedOffer, serversOf } from './search-offer';
import type { ServerConfig } from './servers';

/** What is offered with a request, or why nothing is. */
export type OfferDecision =
  | { readonly offer: false; readonly reason: string }
  | {
      readonly offer: true;
      readonly tools: readonly OfferedTool[];
      /** An estimate of what they cost in the request. */
      readonly tokens: number;
    };

/** What is known of a request when its offer is decided. */
export interface OfferRequest {
  readonly caller: Caller;
  readonly mode: InjectMode;
  readonly client: ClientTools;
  /** What the request itself asks for; absent: everything it may have. */
  readonly selects?: (tool: HostTool) => boolean;
  /** The request with its hidden rounds put back: tools it has used stay in the offer of a searched catalog. */
  readonly body?: JsonObject;
  /** True where a result in the conversation was cut: the model may want to read on. */
  readonly readsOn?: boolean;
}

/** When the catalog is searched in place of being offered whole. */
export interface SearchPolicy {
  /** An offer of more tokens than this is replaced by the search tools. */
  readonly aboveTokens: number;
  /** Names of tools that are offered all the same; `*` stands for any text. */
  readonly pinned: readonly string[];
  readonly indexTools: IndexTools;
}

export interface OfferOptions {
  /** Absent: every catalog is offered whole. */
  readonly search?: SearchPolicy;
  /** True where results that are cut can be read on. */
  readonly readMore?: boolean;
  /** What a tool is shown as; absent: as its server describes it. */
  readonly shown?: (tool: HostTool, name: string) => HostTool;
  /** Who may use what; absent: `api_keys` and LiteLLM's own grants alone decide. */
  readonly access?: AccessPolicy;
}

/** What stands between a caller and a call. */
export interface CallAccess {
  /** The server of a tool that there is, but not for this caller. */
  denied(name: string): string | undefined;
  /** Why the tool of this name may not be run with these arguments; undefined where it may. */
  refusal(name: string, args: JsonObject): string | undefined;
}

/** Groups of callers with the same rights whose tools are remembered. */
const rememberedRights = 200;

/** Tools that a caller may use, and what they cost. */
interface Permitted {
  readonly tools: readonly OfferedTool[];
  readonly byName: ReadonlyMap<string, OfferedTool>;
  readonly tokens: number;
}

/** One catalog, and what was computed from it. */
interface Known {
  readonly named: NamedCatalog;
  readonly permitted: Map<string, Permitted>;
}

/**
 * Which tools there are for whom, under which names. Computed once for each version of the catalog and each group of
 * callers with the same rights; what is offered, listed, found and run comes from that one set.
 */
export class OfferBook {
  private readonly known = new WeakMap<Catalog, Known>();
  private readonly odd = new WeakMap<Permitted, ReadonlyMap<string, readonly string[]>>();
  private readonly access: Access;
  private readonly pinned: readonly RegExp[];

  constructor(
    private readonly host: ToolHost,
    servers: readonly ServerConfig[],
    private readonly options: OfferOptions = {},
  ) {
    this.access = new Access(options.access ?? openPolicy, servers);
    this.pinned = (options.search?.pinned ?? []).map(globPattern);
  }

  /** Decides what a request gets. `tool_choice: "none"` and the like come in as `client.refusal`. */
  decide({ caller, mode, client, selects, body, readsOn }: OfferRequest): OfferDecision {
    if (client.refusal !== undefined) return { offer: false, reason: client.refusal };
    if (mode === 'off') return { offer: false, reason: 'inject is off' };
    if (mode === 'on_request' && !client.requested && selects === undefined) {
      return { offer: false, reason: 'tools were not asked for' };
    }
    const permitted = this.permitted(caller);
    const { named } = this.current(caller);
    const tools = withoutDoubles(this.list(caller, selects), client.names, named);
    if (tools.length === 0) return { offer: false, reason: 'there is no tool to offer' };
    const { search } = this.options;
    const tokens = tools === permitted.tools ? permitted.tokens : named.tokensOf(tools);
    const chosen =
      search !== undefined && tokens > search.aboveTokens ? this.searched(tools, client, body, named) : tools;
    if (chosen === undefined) return { offer: false, reason: 'the client lists the search tools itself' };
    const more = readsOn === true ? this.readMore(client.names, caller) : undefined;
    const offered = more === undefined ? chosen : [...chosen, more];
    const cost = offered === tools ? tokens : offered.reduce((sum, tool) => sum + named.tokenCost(tool), 0);
    return { offer: true, tools: offered, tokens: cost };
  }

  /** Every tool that this caller may use, as it gets it: in the order of the catalog, without those of our own. */
  list(caller: Caller, selects?: (tool: HostTool) => boolean): readonly OfferedTool[] {
    const { tools } = this.permitted(caller);
    return selects === undefined ? tools : tools.filter((tool) => selects(tool.host));
  }

  /**
   * What stands behind an offered name, if this caller may use it now. Asked again before every call. With `selects`,
   * nothing is found that it does not let through, and our own tools reach nothing else.
   */
  resolve(caller: Caller, name: string, selects?: (tool: HostTool) => boolean): OurTool | undefined {
    if (this.current(caller).named.byName.has(name)) {
      const host = this.permitted(caller).byName.get(name)?.host;
      return host !== undefined && (selects?.(host) ?? true) ? host : undefined;
    }
    const builtin = builtinOf(name);
    if (builtin === undefined) return undefined;
    return runnable(builtin, this.reach(caller, selects));
  }

  /** The name in the catalog of what one server's tools call `shown` among themselves, whoever may use it. */
  nameAt(caller: Caller, server: string, shown: string): string | undefined {
    const { offered } = this.current(caller).named;
    return offered.find(({ host }) => host.server === server && shownName(host) === shown)?.name;
  }

  /** What is odd about the tools that this caller may use (`warningKey`): no warning names a tool of others. */
  warnings(caller: Caller): ReadonlyMap<string, readonly string[]> {
    const permitted = this.permitted(caller);
    const known = this.odd.get(permitted);
    if (known !== undefined) return known;
    const warnings = toolWarnings(permitted.tools.map(({ host }) => host));
    this.odd.set(permitted, warnings);
    return warnings;
  }

  /** True where the caller may use a server as a whole: its resources and prompts too. */
  opens(caller: Caller, server: string): boolean {
    return this.access.of(caller).opens(server);
  }

  /** What is asked before a call runs, and where one was not permitted. */
  accessOf(caller: Caller): CallAccess {
    const permission = this.access.of(caller);
    return {
      denied: (name) => {
        const tool = this.current(caller).named.byName.get(name);
        return this.permitted(caller).byName.has(name) ? undefined : tool?.server;
      },
      refusal: (name, args) => {
        const tool = this.permitted(caller).byName.get(name);
        return tool === undefined ? 'it is not available' : permission.refusal(tool, args);
      },
    };
  }

  private reach(caller: Caller, selects: ((tool: HostTool) => boolean) | undefined): Reach {
    const { named } = this.current(caller);
    const { byName } = this.permitted(caller);
    const accepts = ({ name, host }: OfferedTool) => byName.has(name) && (selects?.(host) ?? true);
    return {
      find: (name) => {
        const tool = byName.get(name);
        return tool !== undefined && accepts(tool) ? tool.host : undefined;
      },
      search: (words, limit, server) =>
        named
          .search(
            words,
            limit,
            (tool) => (server === undefined || tool.host.server === server) && accepts(tool),
          )
          .map((tool) => byName.get(tool.name) ?? tool),
      nearest: (name) => named.search(name, 3, accepts).map((tool) => tool.name),
      servers: () => serversOf(named.offered.filter(accepts)),
    };
  }

  /** The offer of a catalog that is too big; undefined where the client has our search tools from elsewhere. */
  private searched(
    tools: readonly OfferedTool[],
    client: ClientTools,
    body: JsonObject | undefined,
    named: NamedCatalog,
  ): readonly OfferedTool[] | undefined {
    const callName = ownName('call_tool', client.names, named);
    const searchName = ownName('search_tools', client.names, named);
    if (callName === undefined || searchName === undefined) return undefined;
    return searchedOffer({ tools, named, pinned: this.pinned, callName, searchName, body });
  }

  /** `read_more` under a name that is free; undefined where results that are cut cannot be read on. */
  readMore(clientNames: ReadonlySet<string>, caller: Caller = {}): OfferedTool | undefined {
    if (this.options.readMore !== true) return undefined;
    const name = ownName('read_more', clientNames, this.current(caller).named);
    return name === undefined ? undefined : { name, host: readMore() };
  }

  private permitted(caller: Caller): Permitted {
    const { named, permitted } = this.current(caller);
    const permission = this.access.of(caller);
    const made = permitted.get(permission.rights) ?? permittedOf(named, permission);
    permitted.delete(permission.rights);
    permitted.set(permission.rights, made);
    const [oldest] = permitted.keys();
    if (permitted.size > rememberedRights && oldest !== undefined) permitted.delete(oldest);
    return made;
  }

  /** The catalog as this caller's servers show it: the same for all but those with headers of their own. */
  private current(caller: Caller): Known {
    const catalog = this.host.catalog(caller.serverHeaders);
    const known = this.known.get(catalog);
    if (known !== undefined) return known;
    const { shown } = this.options;
    const tools =
      shown === undefined
        ? catalog.tools
        : catalog.tools.map((tool) => shown(tool, offeredName(tool.server, shownName(tool))));
    const named = new NamedCatalog(tools, this.options.search?.indexTools);
    const made = { named, permitted: new Map<string, Permitted>() };
    this.known.set(catalog, made);
    return made;
  }
}

function permittedOf(named: NamedCatalog, permission: Permission): Permitted {
  const tools = named.offered.flatMap((tool) => permission.permit(tool) ?? []);
  return {
    tools,
    byName: new Map(tools.map((tool) => [tool.name, tool])),
    tokens: named.tokensOf(tools),
  };
}

/** A client that lists a tool in its own naming or ours has that server already: it gets nothing of it from us. */
function withoutDoubles(
  tools: readonly OfferedTool[],
  clientNames: ReadonlySet<string>,
  named: NamedCatalog,
): readonly OfferedTool[] {
  if (clientNames.size === 0) return tools;
  const covered = new Set([...clientNames].flatMap((name) => named.serverListedAs(name) ?? []));
  return covered.size === 0 ? tools : tools.filter((tool) => !covered.has(tool.host.server));
}

/** A name for a tool of ours that neither the client nor the catalog has. */
function ownName(
  builtin: Builtin,
  clientNames: ReadonlySet<string>,
  named: NamedCatalog,
): string | undefined {
  return builtinNames(builtin).find((name) => !clientNames.has(name) && !named.byName.has(name));
}
