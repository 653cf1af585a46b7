import { check, type Context } from './check';
import { textMap } from './fields';
import type { Mark } from './problems';
import { didYouMean } from './suggest';
import { isMap, type Plain } from './values';

const aliasesPath = ['litellm_settings', 'mcp_aliases'];

/**
 * `litellm_settings.mcp_aliases` as server name -> alias, the first alias of a server counting. LiteLLM 1.77.3
 * reads this section and then forgets it; here it works as its documentation says.
 */
export function readAliases(
  value: Plain,
  serverNames: readonly string[],
  context: Context,
): Map<string, string> {
  const { values, problems } = context;
  const aliases = new Map<string, string>();
  if (value === null) return aliases;
  for (const [alias, server] of Object.entries(check(textMap, value, aliasesPath, context) ?? {})) {
    const at = [...aliasesPath, alias];
    if (!serverNames.includes(server)) {
      const meant = values.variableOf(at) === undefined ? didYouMean(server, serverNames) : '';
      problems.warn(
        at,
        values.markOf(at),
        `is the alias of a server that does not stand in mcp_servers${meant}`,
      );
    } else if (!aliases.has(server)) {
      aliases.set(server, alias);
    }
  }
  return aliases;
}

/** Gives out public names and sees that no two servers have the same. */
export class PublicNames {
  readonly #taken = new Map<string, { server: string; at: Mark }>();

  constructor(
    private readonly aliases: ReadonlyMap<string, string>,
    private readonly serverNames: readonly string[],
    private readonly context: Context,
  ) {}

  /** The entry's own alias, else the one in `mcp_aliases`, else the server's name. */
  nameOf(server: string, entry: Plain): string {
    const { values, problems } = this.context;
    const alias = isMap(entry) && typeof entry['alias'] === 'string' ? entry['alias'] : undefined;
    const path = alias === undefined ? ['mcp_servers', server] : ['mcp_servers', server, 'alias'];
    const name = alias ?? this.aliases.get(server) ?? server;
    const at = values.markOf(path);
    const taken = this.#taken.get(name);
    if (taken) {
      const message = `has the same public name as ${taken.server} (line ${taken.at.line} and line ${at.line}); give one of them another alias`;
      problems.error(path, at, message);
    } else if (name !== server && this.serverNames.includes(name)) {
      problems.warn(path, at, 'has an alias which is also the name of another server');
    }
    if (name !== server && name.includes('-')) {
      problems.warn(path, at, 'has an alias with "-" in it, at which LiteLLM cuts tool names; use "_"');
    }
    this.#taken.set(name, { server, at });
    return name;
  }
}

/** LiteLLM refuses to start with such names, so they are an error here too. */
export function checkServerName(name: string, { values, problems }: Context): void {
  const path = ['mcp_servers', name];
  if (name.includes('-')) {
    problems.error(path, values.markOf(path), 'has "-" in its name, which LiteLLM refuses; use "_"');
  } else if (name.trim() === '') {
    problems.error(path, values.markOf(path), 'a server needs a name');
  }
}
