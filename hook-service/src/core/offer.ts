import { mayUse, type Caller } from './caller';
import type { ClientTools, OfferedTool } from './dialect';
import type { InjectMode } from './limits';
import { nameTools } from './naming';
import type { Catalog, HostTool, ToolHost } from './ports';
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
}

/** Which tools there are for whom, under which names. Computed once for each version of the catalog. */
export class OfferBook {
  private known:
    { catalog: Catalog; byName: ReadonlyMap<string, HostTool>; offered: readonly OfferedTool[] } | undefined;
  private readonly servers: ReadonlyMap<string, ServerConfig>;
  private readonly restricted: boolean;

  constructor(
    private readonly host: ToolHost,
    servers: readonly ServerConfig[],
  ) {
    this.servers = new Map(servers.map((server) => [server.publicName, server]));
    this.restricted = servers.some((server) => server.allowedKeyHashes !== undefined);
  }

  /** Decides what a request gets. `tool_choice: "none"` and the like come in as `client.refusal`. */
  decide({ caller, mode, client, selects }: OfferRequest): OfferDecision {
    if (client.refusal !== undefined) return { offer: false, reason: client.refusal };
    if (mode === 'off') return { offer: false, reason: 'inject is off' };
    if (mode === 'on_request' && !client.requested && selects === undefined) {
      return { offer: false, reason: 'tools were not asked for' };
    }
    const permitted = this.permitted(caller);
    const selected = selects === undefined ? permitted : permitted.filter((tool) => selects(tool.host));
    const tools = this.withoutDoubles(selected, client.names);
    if (tools.length === 0) return { offer: false, reason: 'there is no tool to offer' };
    return { offer: true, tools };
  }

  /** The tool behind an offered name, if this caller may use it now. Asked again before every call. */
  resolve(caller: Caller, name: string): HostTool | undefined {
    const tool = this.current().byName.get(name);
    return tool !== undefined && this.permits(caller, tool) ? tool : undefined;
  }

  private permitted(caller: Caller): readonly OfferedTool[] {
    const { offered } = this.current();
    return this.restricted ? offered.filter((tool) => this.permits(caller, tool.host)) : offered;
  }

  private permits(caller: Caller, tool: HostTool): boolean {
    const server = this.servers.get(tool.server);
    return server !== undefined && mayUse(caller, server);
  }

  /** A client that lists a tool under our name has that server already: it gets nothing of it from us. */
  private withoutDoubles(
    tools: readonly OfferedTool[],
    clientNames: ReadonlySet<string>,
  ): readonly OfferedTool[] {
    if (clientNames.size === 0) return tools;
    const covered = new Set(
      tools.filter((tool) => clientNames.has(tool.name)).map((tool) => tool.host.server),
    );
    return covered.size === 0 ? tools : tools.filter((tool) => !covered.has(tool.host.server));
  }

  private current() {
    const catalog = this.host.catalog();
    if (this.known?.catalog !== catalog) {
      const byName = nameTools(catalog.tools);
      this.known = { catalog, byName, offered: [...byName].map(([name, host]) => ({ name, host })) };
    }
    return this.known;
  }
}
