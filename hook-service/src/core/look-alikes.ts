import { holdsHidden } from './hidden-text';
import { shownName } from './naming';
import type { Catalog, HostTool, Log } from './ports';

/** Letters of other scripts, and digits, that look like a Latin letter (a selection of Unicode's confusables). */
const looksLike: Readonly<Record<string, string>> = {
  '0': 'o', '1': 'l', i: 'l', '|': 'l', '5': 's',
  а: 'a', в: 'b', с: 'c', ԁ: 'd', е: 'e', һ: 'h', і: 'l', ј: 'j', к: 'k', м: 'm', н: 'h', о: 'o', р: 'p', ѕ: 's',
  т: 't', у: 'y', х: 'x', ԝ: 'w', ѵ: 'v',
  α: 'a', β: 'b', ε: 'e', η: 'n', ι: 'l', κ: 'k', ν: 'v', ο: 'o', ρ: 'p', τ: 't', υ: 'u', χ: 'x', ω: 'w',
}; // prettier-ignore

/** What a description says that wants to be used in another one's place, or to give orders (safety.md D3, C3). */
const orders: readonly (readonly [RegExp, string])[] = [
  [/\b(?:always|only|must)\s+(?:use|call|prefer)\s+th(?:is|ese)\b/i, 'asks to be used always'],
  [/\b(?:instead of|rather than|in place of)\s+(?:using\s+|calling\s+)?(?:any |all |the )?other\s+tools?\b/i, 'asks to be used in place of other tools'],
  [/\b(?:do not|don't|never)\s+(?:use|call)\s+(?:any |the )?(?:other|original)\b/i, 'speaks against other tools'],
  [/\b(?:before|after)\s+(?:using|calling|running)\s+(?:any|every|each)\s+other\s+tools?\b/i, 'wants to be called with every other tool'],
  [/\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:previous|prior|earlier)\s+(?:instructions|rules|messages)\b/i, 'speaks against earlier instructions'],
  [/\b(?:do not|don't|never)\s+(?:tell|inform|mention|show)\b[^.]{0,40}\buser\b/i, 'wants something hidden from the user'],
]; // prettier-ignore

/** Longer descriptions are looked through up to here. */
const longestText = 20_000;

/** What a name looks like at a glance: without case, separators, accents and letters of other scripts. */
export function skeleton(name: string): string {
  const plain = [...name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()]
    .map((letter) => looksLike[letter] ?? letter)
    .join('');
  return plain
    .replace(/[-_.\s]/g, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
}

/** What is odd about the tools of a catalog, for people: by server and tool (`warningKey`). Nothing follows from it. */
export function toolWarnings(tools: readonly HostTool[]): ReadonlyMap<string, readonly string[]> {
  const warnings = new Map<string, string[]>();
  const warn = (tool: HostTool, text: string) => {
    const key = warningKey(tool);
    warnings.set(key, [...(warnings.get(key) ?? []), text]);
  };
  lookAlikes(tools, warn);
  mentions(tools, warn);
  for (const tool of tools) {
    const description = (tool.description ?? '').slice(0, longestText);
    for (const [pattern, what] of orders)
      if (pattern.test(description)) warn(tool, `its description ${what}`);
    const source = tool.serverSchema ?? tool.inputSchema;
    if (holdsHidden(JSON.stringify(source))) warn(tool, 'its definition hides characters');
  }
  return warnings;
}

export function warningKey({ server, tool }: Pick<HostTool, 'server' | 'tool'>): string {
  return JSON.stringify([server, tool]);
}

type Warn = (tool: HostTool, text: string) => void;

/** Different names that look alike. The same name at two servers is fine: the server's name tells them apart. */
function lookAlikes(tools: readonly HostTool[], warn: Warn): void {
  const servers = grouped([...new Set(tools.map((tool) => tool.server))], skeleton);
  const groups = grouped(tools, (tool) => skeleton(shownName(tool)));
  for (const tool of tools) {
    const alike = servers.get(skeleton(tool.server))?.filter((server) => server !== tool.server) ?? [];
    for (const server of alike.slice(0, 3)) warn(tool, `its server ${tool.server} looks like ${server}`);
    const others = groups.get(skeleton(shownName(tool))) ?? [];
    const names = others.filter((other) => shownName(other) !== shownName(tool));
    for (const other of names.slice(0, 3))
      warn(tool, `its name looks like ${other.server}__${shownName(other)}`);
  }
}

/** Descriptions that speak of a tool of another server. */
function mentions(tools: readonly HostTool[], warn: Warn): void {
  const owners = grouped(
    // A name that is an ordinary word says nothing.
    tools.filter((tool) => tool.tool.length >= 6 && /[_-]|[a-z][A-Z]/.test(tool.tool)),
    (tool) => tool.tool,
  );
  for (const tool of tools) {
    const words = new Set(
      (tool.description ?? '').slice(0, longestText).match(/[A-Za-z0-9_-]{6,128}/g) ?? [],
    );
    const own = owners.get(tool.tool);
    for (const word of words) {
      const found = owners.get(word.includes('__') ? word.slice(word.indexOf('__') + 2) : word);
      if (found === undefined || found === own || found.some((other) => other.server === tool.server))
        continue;
      const other = found[0];
      if (other !== undefined) warn(tool, `its description speaks of ${other.server}__${shownName(other)}`);
    }
  }
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Keeps the warnings of the present catalog, and logs each once. */
export class CatalogWarnings {
  private seen:
    { readonly catalog: Catalog; readonly warnings: ReadonlyMap<string, readonly string[]> } | undefined;
  private readonly logged = new Set<string>();

  constructor(private readonly log: Log) {}

  /** The warnings of a catalog; computed once for each. */
  of(catalog: Catalog): ReadonlyMap<string, readonly string[]> {
    if (this.seen?.catalog !== catalog) {
      this.seen = { catalog, warnings: toolWarnings(catalog.tools) };
      for (const [key, texts] of this.seen.warnings) for (const text of texts) this.write(key, text);
    }
    return this.seen.warnings;
  }

  private write(key: string, text: string): void {
    if (this.logged.has(key + text) || this.logged.size > 10_000) return;
    this.logged.add(key + text);
    const [server = '', tool = ''] = JSON.parse(key) as string[];
    this.log.warn(`Look at tool ${tool} of MCP server ${server}: ${text}`, { server, tool });
  }
}
