import type { ServerHeaders } from '../core/caller';
import type { Catalog, HostTool } from '../core/ports';
import type { SessionPool } from './session-pool';

/** Sets of headers whose catalogs are remembered. */
const remembered = 200;

interface Known {
  readonly base: Catalog;
  readonly lists: readonly (readonly HostTool[])[];
  readonly catalog: Catalog;
}

/** Catalogs of clients with headers of their own, where a server shows them other tools than it shows to all. */
export class ClientCatalogs {
  private readonly known = new Map<string, Known>();

  constructor(
    /** Every server, in the order of the catalog. */
    private readonly servers: readonly string[],
    private readonly pools: ReadonlyMap<string, SessionPool>,
  ) {}

  /** The shared catalog, with the tools that these headers' sessions list in the place of the shared ones. */
  of(base: Catalog, headers: ServerHeaders): Catalog {
    const own = new Map<string, readonly HostTool[]>();
    const key: string[] = [];
    for (const [server, each] of Object.entries(headers)) {
      const pool = this.pools.get(server);
      const session = pool?.find(each);
      if (pool === undefined || session?.tools.listed !== true) continue;
      own.set(server, session.tools.offered());
      key.push(server, pool.digestOf(each));
    }
    return own.size === 0 ? base : this.remembered(key.join('\0'), base, own);
  }

  private remembered(key: string, base: Catalog, own: ReadonlyMap<string, readonly HostTool[]>): Catalog {
    const lists = [...own.values()];
    const known = this.known.get(key);
    const holds = known?.base === base && lists.every((list, index) => list === known.lists[index]);
    const now = holds ? known : { base, lists, catalog: this.merged(base, own) };
    this.known.delete(key);
    this.known.set(key, now);
    const [oldest] = this.known.keys();
    if (this.known.size > remembered && oldest !== undefined) this.known.delete(oldest);
    return now.catalog;
  }

  /** The shared catalog itself where nothing differs, so that what was computed from it serves these clients too. */
  private merged(base: Catalog, own: ReadonlyMap<string, readonly HostTool[]>): Catalog {
    const tools = this.servers.flatMap(
      (server) => own.get(server) ?? base.tools.filter((tool) => tool.server === server),
    );
    const isSame = JSON.stringify(tools) === JSON.stringify(base.tools);
    return isSame ? base : { version: base.version, tools };
  }
}
