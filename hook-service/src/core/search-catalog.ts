import type { OfferedTool } from './dialect';
import type { JsonObject } from './json';
import { namesByClients } from './known-clients';
import { nameTools, shownName } from './naming';
import type { HostTool, IndexTools, ToolIndex } from './ports';

/** The tools of one version of the catalog under their names, and what is computed from them once. */
export class NamedCatalog {
  readonly byName: ReadonlyMap<string, HostTool>;
  readonly offered: readonly OfferedTool[];
  private readonly tokens: ReadonlyMap<string, number>;
  private built: ToolIndex | undefined;
  private clientNames: ReadonlyMap<string, string> | undefined;

  constructor(
    tools: readonly HostTool[],
    private readonly indexTools: IndexTools | undefined,
  ) {
    this.byName = nameTools(tools);
    this.offered = [...this.byName].map(([name, host]) => ({ name, host }));
    this.tokens = new Map(this.offered.map((tool) => [tool.name, estimateTokens(tool)]));
  }

  /** What these tools of the catalog cost in a request. */
  tokensOf(tools: readonly OfferedTool[]): number {
    return tools.reduce((sum, tool) => sum + (this.tokens.get(tool.name) ?? 0), 0);
  }

  /** What one tool costs, which may be one of our own. */
  tokenCost(tool: OfferedTool): number {
    return this.tokens.get(tool.name) ?? estimateTokens(tool);
  }

  /** The server whose tool a client lists under this name, in our naming or in its own. */
  serverListedAs(name: string): string | undefined {
    this.clientNames ??= new Map(
      this.offered.flatMap((tool) =>
        [tool.name, ...namesByClients(tool.host)].map((each) => [each, tool.host.server] as const),
      ),
    );
    return this.clientNames.get(name);
  }

  /** The best of these tools for what is asked; without words, the first ones. */
  search(words: string, limit: number, accepts: (tool: OfferedTool) => boolean): readonly OfferedTool[] {
    if (words.trim() === '' || this.indexTools === undefined)
      return this.offered.filter(accepts).slice(0, limit);
    // Built when the first search comes: most catalogs are never searched.
    this.built ??= this.indexTools(this.offered.map(searchEntry));
    return this.built
      .search(words, limit, (position) => {
        const tool = this.offered[position];
        return tool !== undefined && accepts(tool);
      })
      .flatMap((position) => this.offered[position] ?? []);
  }
}

/**
 * What a tool costs in a prompt: a quarter of the bytes of its definition. Tokenizers give 3.5 to 5 bytes of JSON to
 * a token, so the figure is on the safe side; an exact one would need every provider's tokenizer.
 */
export function estimateTokens({ name, host }: OfferedTool): number {
  const definition = JSON.stringify({
    name,
    description: host.description ?? '',
    parameters: host.inputSchema,
  });
  return Math.ceil(Buffer.byteLength(definition) / 4);
}

function searchEntry({ host }: OfferedTool) {
  return {
    name: shownName(host),
    server: host.server,
    description: host.description ?? '',
    parameters: parameterNames(host.inputSchema),
  };
}

function parameterNames(schema: JsonObject): readonly string[] {
  const properties = schema['properties'];
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}
