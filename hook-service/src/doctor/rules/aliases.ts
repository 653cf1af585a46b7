import type { Rule } from '../rule';
import { writtenServers } from '../servers';
import { entriesOf, textOf } from '../yaml-source';

/** `mcp_aliases`, which LiteLLM 1.77.3 reads and then forgets. */
export const aliases: Rule = {
  ids: ['K7', 'K23'],
  level: 'error',
  title: 'mcp_aliases never takes effect',
  why: 'LiteLLM 1.77.3 logs "Mapped alias" and uses the full name all the same, in tool names, headers and paths.',
  mends: true,
  *find(context) {
    const inSection = entriesOf(context.section('litellm_settings')?.value).get('mcp_aliases');
    const atTop = context.section('mcp_aliases');
    for (const [id, entry] of [['K7', inSection] as const, ['K23', atTop] as const]) {
      if (entry === undefined) continue;
      const source = context.yaml(entry.at.file);
      const servers = writtenServers(context);
      const pairs = [...entriesOf(entry.value)].map(([alias, { value }]) => ({
        alias,
        name: textOf(value) ?? '',
      }));
      const meant = pairs.map(({ alias, name }) => ({
        alias,
        server: servers.find((each) => each.name === name),
      }));
      const missing = meant.filter(({ server }) => server !== undefined && server.get('alias') === undefined);
      const inserts = missing.map(
        ({ alias, server }) => source?.insertInside(server?.at ?? entry.at, [`alias: ${alias}`]) ?? [],
      );
      // Everything moves, or nothing does.
      const isWhole =
        meant.every(({ server }) => server?.at.file === entry.at.file) &&
        inserts.every((each) => each.length > 0);
      const removal = source?.removeEntry(entry.at) ?? [];
      yield {
        id,
        at: entry.at,
        message: `${id === 'K23' ? 'mcp_aliases at the top is not read' : 'litellm_settings.mcp_aliases is forgotten'}; a server has its alias in its own entry`,
        change: pairs.flatMap(({ alias, name }) => [`mcp_servers.${name}: alias: ${alias}`]),
        ...(isWhole && removal.length > 0 ? { fix: { edits: [...removal, ...inserts.flat()] } } : {}),
      };
    }
  },
};
