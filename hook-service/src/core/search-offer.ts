import { callTool, searchTools } from './builtin';
import type { OfferedTool } from './dialect';
import type { JsonObject } from './json';
import type { NamedCatalog } from './search-catalog';
import { calledNames } from './search-history';

/** What tools used earlier may cost in the offer of a searched catalog, in tokens. */
const usedTokens = 1000;

export interface SearchedOffer {
  /** Everything the request may have. */
  readonly tools: readonly OfferedTool[];
  readonly named: NamedCatalog;
  readonly pinned: readonly RegExp[];
  readonly searchName: string;
  readonly callName: string;
  readonly body: JsonObject | undefined;
}

/**
 * What is offered of a catalog that is too big: the search tools, then pinned tools, then tools used earlier in the
 * order of their first use, so that the list only grows at its end and the provider's prompt cache keeps hitting.
 */
export function searchedOffer(offer: SearchedOffer): readonly OfferedTool[] {
  const { tools, pinned, searchName, callName } = offer;
  const always = tools.filter((tool) => pinned.some((pattern) => pattern.test(tool.name)));
  return [
    { name: searchName, host: searchTools(serversOf(tools), callName) },
    { name: callName, host: callTool(searchName) },
    ...always,
    ...usedTools(offer, new Set(always)),
  ];
}

function usedTools(offer: SearchedOffer, always: ReadonlySet<OfferedTool>): readonly OfferedTool[] {
  const { tools, named, body } = offer;
  const called = body === undefined ? [] : calledNames(body);
  if (called.length === 0) return [];
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  let left = usedTokens;
  return called.flatMap((name) => {
    const tool = byName.get(name);
    if (tool === undefined || always.has(tool)) return [];
    left -= named.tokensOf([tool]);
    return left >= 0 ? [tool] : [];
  });
}

/** The servers of these tools, in their order. */
export function serversOf(tools: readonly OfferedTool[]): readonly string[] {
  return [...new Set(tools.map((tool) => tool.host.server))];
}

/** A pattern for a glob. Tool names are short and globs are the operator's, so a regular expression may do the work. */
export function globPattern(glob: string): RegExp {
  const pieces = glob.split('*').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('.*')}$`);
}
