import {
  builtinNames,
  builtinOf,
  readMore,
  runnable,
  type Builtin,
  type OurTool,
  type Reach,
} from './builtin';
import { mayUse, type Caller } from './caller';
import type { ClientTools, OfferedTool } from './dialect';
import type { JsonObject } from './json';
import type { InjectMode } from './limits';
import type { Catalog, HostTool, IndexTools, ToolHost } from './ports';
import { NamedCatalog } from './search-catalog';
import { globPattern, searchedOffer, serversOf } from './search-offer';
import type { ServerConfig } from './servers';

/** What is offered with a request, or why nothing is. */
export type OfferDecision =
  | { readonly offer: false; readonly reason: string }
  | { readonly offer: true; readonly tools: readonly OfferedTool[] };

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
}

/** Sets of servers whose tools are remembered; there is one for each group of keys with the same rights. */
const rememberedSets = 200;

/** Tools that a caller may use, and what they cost. */
interface Permitted {
  readonly tools: readonly OfferedTool[];
  readonly tokens: number;
}

/** Which tools there are for whom, under which names. Computed once for each version of the catalog. */
export class OfferBook {
  private known: { catalog: Catalog; named: NamedCatalog; permitted: Map<string, Permitted> } | undefined;
  private readonly servers: ReadonlyMap<string, ServerConfig>;
  private readonly pinned: readonly RegExp[];

  constructor(
    private readonly host: ToolHost,
    servers: readonly ServerConfig[],
    private readonly options: OfferOptions = {},
  ) {
    this.servers = new Map(servers.map((server) => [server.publicName, server]));
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
    const selected =
      selects === undefined ? permitted.tools : permitted.tools.filter((tool) => selects(tool.host));
    const tools = this.withoutDoubles(selected, client.names);
    if (tools.length === 0) return { offer: false, reason: 'there is no tool to offer' };
    const { search } = this.options;
    const tokens = tools === permitted.tools ? permitted.tokens : this.current().named.tokensOf(tools);
    const chosen =
      search !== undefined && tokens > search.aboveTokens ? this.searched(tools, client, body) : tools;
    if (chosen === undefined) return { offer: false, reason: 'the client lists the search tools itself' };
    const more = readsOn === true ? this.readMore(client.names) : undefined;
    return { offer: true, tools: more === undefined ? chosen : [...chosen, more] };
  }

  /**
   * What stands behind an offered name, if this caller may use it now. Asked again before every call. With `selects`,
   * our own tools reach what it lets through and nothing else.
   */
  resolve(caller: Caller, name: string, selects?: (tool: HostTool) => boolean): OurTool | undefined {
    const { named } = this.current();
    const tool = named.byName.get(name);
    if (tool !== undefined) return this.permits(caller, tool) ? tool : undefined;
    const builtin = builtinOf(name);
    if (builtin === undefined) return undefined;
    return runnable(builtin, this.reach(caller, selects));
  }

  private reach(caller: Caller, selects: ((tool: HostTool) => boolean) | undefined): Reach {
    const { named } = this.current();
    const accepts = (tool: HostTool) => this.permits(caller, tool) && (selects?.(tool) ?? true);
    return {
      find: (name) => {
        const tool = named.byName.get(name);
        return tool !== undefined && accepts(tool) ? tool : undefined;
      },
      search: (words, limit, server) =>
        named.search(
          words,
          limit,
          ({ host }) => (server === undefined || host.server === server) && accepts(host),
        ),
      nearest: (name) => named.search(name, 3, ({ host }) => accepts(host)).map((tool) => tool.name),
      servers: () => serversOf(named.offered.filter(({ host }) => accepts(host))),
    };
  }

  /** A client that lists a tool in its own naming or ours has that server already: it gets nothing of it from us. */
  private withoutDoubles(
    tools: readonly OfferedTool[],
    clientNames: ReadonlySet<string>,
  ): readonly OfferedTool[] {
    if (clientNames.size === 0) return tools;
    const { named } = this.current();
    const covered = new Set([...clientNames].flatMap((name) => named.serverListedAs(name) ?? []));
    return covered.size === 0 ? tools : tools.filter((tool) => !covered.has(tool.host.server));
  }

  /** The offer of a catalog that is too big; undefined where the client has our search tools from elsewhere. */
  private searched(
    tools: readonly OfferedTool[],
    client: ClientTools,
    body: JsonObject | undefined,
  ): readonly OfferedTool[] | undefined {
    const callName = this.ownName('call_tool', client.names);
    const searchName = this.ownName('search_tools', client.names);
    if (callName === undefined || searchName === undefined) return undefined;
    const { named } = this.current();
    return searchedOffer({ tools, named, pinned: this.pinned, callName, searchName, body });
  }

  /** `read_more` under a name that is free; undefined where results that are cut cannot be read on. */
  readMore(clientNames: ReadonlySet<string>): OfferedTool | undefined {
    const name = this.options.readMore === true ? this.ownName('read_more', clientNames) : undefined;
    return name === undefined ? undefined : { name, host: readMore() };
  }

  /** A name for a tool of ours that neither the client nor the catalog has. */
  private ownName(builtin: Builtin, clientNames: ReadonlySet<string>): string | undefined {
    const { byName } = this.current().named;
    return builtinNames(builtin).find((name) => !clientNames.has(name) && !byName.has(name));
  }

  private permitted(caller: Caller): Permitted {
    const { named, permitted } = this.current();
    const open = [...this.servers.values()].filter((server) => mayUse(caller, server));
    const names = new Set(open.map((server) => server.publicName));
    const key = JSON.stringify([...names]);
    const known = permitted.get(key);
    if (known !== undefined) return known;
    const tools = named.offered.filter((tool) => names.has(tool.host.server));
    const made = { tools, tokens: named.tokensOf(tools) };
    if (permitted.size < rememberedSets) permitted.set(key, made);
    return made;
  }

  private permits(caller: Caller, tool: HostTool): boolean {
    const server = this.servers.get(tool.server);
    return server !== undefined && mayUse(caller, server);
  }

  private current() {
    const catalog = this.host.catalog();
    if (this.known?.catalog !== catalog) {
      const named = new NamedCatalog(catalog.tools, this.options.search?.indexTools);
      this.known = { catalog, named, permitted: new Map() };
    }
    return this.known;
  }
}
