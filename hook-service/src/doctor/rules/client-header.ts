import { jsonPlaces } from '../requests';
import { writtenServers } from '../servers';
import type { Rule } from '../rule';

/** `x-mcp-<server>-<header>` by a name that LiteLLM does not match. */
export const clientHeader: Rule = {
  ids: ['K34'],
  level: 'warning',
  title: 'The header reaches no server',
  why: 'LiteLLM knows a server with an alias by its alias only, and cuts the name at the last dash.',
  *find(context) {
    const servers = writtenServers(context);
    for (const { path, key } of jsonPlaces(context)) {
      const name = /^x-mcp-(?!servers$|access-groups$|auth$)(.+)$/i.exec(String(path.at(-1)))?.[1];
      if (key === undefined || name === undefined) continue;
      const cut = name.lastIndexOf('-');
      const [wanted, header] = cut < 0 ? [name, 'authorization'] : [name.slice(0, cut), name.slice(cut + 1)];
      const server = servers.find(
        (each) =>
          wanted === each.name ||
          wanted.startsWith(`${each.name}-`) ||
          wanted.startsWith(`${each.text('alias')}-`),
      );
      const known = server?.text('alias') ?? server?.name;
      if (server === undefined || known === wanted) continue;
      yield {
        at: key,
        message: `LiteLLM looks for a server "${wanted}"`,
        change: [`x-mcp-${known ?? wanted}-${header}`],
      };
    }
  },
};
