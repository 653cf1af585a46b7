import type { ToolDetail, ToolRow } from '../../console-page/shapes';
import type { AccessPolicy } from '../core/access';
import { showHidden } from '../core/hidden-text';
import type { JsonObject } from '../core/json';
import { warningKey } from '../core/look-alikes';
import { nameTools, offeredName } from '../core/naming';
import type { Catalog, HostTool } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { definitionOf } from '../core/tool-definition-digest';
import type { ToolChange } from '../core/tool-pins';
import { whoMay } from './who-may';

export interface ToolSources {
  readonly catalog: () => Catalog;
  readonly changes: () => readonly ToolChange[];
  readonly warnings: () => ReadonlyMap<string, readonly string[]>;
  readonly servers: () => readonly ServerConfig[];
  readonly access: () => AccessPolicy;
}

/** The first words of a description, for a list. */
const shortText = 200;

/** All tools of the catalog, and those that are withheld or gone. By server, then name. */
export function toolRows(sources: ToolSources): readonly ToolRow[] {
  const changes = new Map(sources.changes().map((change) => [warningKey(change), change]));
  const warnings = sources.warnings();
  const listed = [...nameTools(sources.catalog().tools)].map(([name, tool]): ToolRow => {
    const key = warningKey(tool);
    const change = changes.get(key);
    changes.delete(key);
    return {
      ...place(tool),
      name: showHidden(name),
      description: shortened(tool.description),
      digest: tool.digest ?? '',
      pin: change === undefined ? 'same' : change.kind,
      warnings: warnings.get(key)?.length ?? 0,
    };
  });
  const others = [...changes.values()].map((change): ToolRow => {
    const definition = (change.now ?? change.before)?.definition;
    const description = definition?.['description'];
    return {
      ...place(change),
      name: showHidden(offeredName(change.server, change.tool)),
      description: shortened(typeof description === 'string' ? description : undefined),
      digest: (change.now ?? change.before)?.digest ?? '',
      pin: change.kind,
      warnings: warnings.get(warningKey(change))?.length ?? 0,
    };
  });
  return [...listed, ...others].sort(
    (left, right) => compare(left.server, right.server) || compare(left.name, right.name),
  );
}

/** One tool with its definition; undefined where it is neither listed nor pinned. */
export function toolDetail(sources: ToolSources, server: string, tool: string): ToolDetail | undefined {
  const row = toolRows(sources).find((each) => each.server === server && each.tool === tool);
  if (row === undefined) return undefined;
  const named = nameTools(sources.catalog().tools);
  const found = [...named].find(([, each]) => each.server === server && each.tool === tool);
  const change = sources.changes().find((each) => each.server === server && each.tool === tool);
  const definition: JsonObject =
    found === undefined ? ((change?.now ?? change?.before)?.definition ?? {}) : definitionOf(found[1]);
  const { description } = definition;
  const config = sources.servers().find((each) => each.publicName === server);
  return {
    ...row,
    description: showHidden(found?.[1].description ?? (typeof description === 'string' ? description : '')),
    ...(found?.[1].title === undefined ? {} : { title: showHidden(found[1].title) }),
    // Without arguments that the config fixes: they may hold secrets, and nobody gives them.
    schema: found?.[1].inputSchema ?? definition['inputSchema'] ?? {},
    ...optional('outputSchema', definition['outputSchema']),
    ...optional('annotations', definition['annotations']),
    texts: (sources.warnings().get(warningKey(row)) ?? []).map(showHidden),
    held: change?.held ?? false,
    parts: change?.parts ?? [],
    ...(change === undefined ? {} : { accepts: change.now?.digest ?? '' }),
    ...optional('before', change?.before),
    ...optional('now', change?.now),
    who: whoMay(sources.access(), config, found?.[0] ?? row.name),
  };
}

function optional<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: T };
}

/** Names at their server stay as they are: by them a tool is asked for. */
const place = ({ server, tool }: Pick<HostTool, 'server' | 'tool'>) => ({ server, tool });

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

function shortened(text = ''): string {
  const line = showHidden(text).replace(/\s+/g, ' ').trim();
  return line.length > shortText ? `${line.slice(0, shortText)}…` : line;
}
