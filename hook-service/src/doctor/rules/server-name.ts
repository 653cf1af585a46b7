import type { Rule } from '../rule';
import { writtenServers } from '../servers';
import { entriesOf, itemsOf, textOf } from '../yaml-source';

/** Names of servers with a dash, and of tools with a dot. */
export const serverName: Rule = {
  ids: ['K33'],
  level: 'error',
  title: 'A name is written in a form that is not understood',
  why: 'LiteLLM refuses to load a server with "-" in its name, and knows its tools as server-tool, never server.tool.',
  mends: true,
  *find(context) {
    const servers = writtenServers(context);
    const settings = entriesOf(entriesOf(context.section('toolturn')?.value).get('servers')?.value);
    for (const server of servers) {
      if (server.name.includes('-')) {
        const right = server.name.replaceAll('-', '_');
        const source = context.yaml(server.at.file);
        const named = settings.get(server.name);
        const isFree = !servers.some((each) => each.name === right);
        const rename = (at: typeof server.at) => source?.replaceScalar(at, right) ?? [];
        yield {
          at: server.at,
          message: `the server "${server.name}" has "-" in its name`,
          change: [`${right}:`],
          ...(isFree
            ? {
                fix: {
                  edits: [
                    ...rename(server.at),
                    ...(named?.at.file === server.at.file ? rename(named.at) : []),
                  ],
                },
              }
            : {}),
        };
      }
      for (const item of ['allowed_tools', 'disallowed_tools'].flatMap((key) =>
        itemsOf(server.get(key)?.value),
      )) {
        const name = textOf(item) ?? '';
        const prefix = [server.name, server.text('alias') ?? server.name].find((each) =>
          name.startsWith(`${each}.`),
        );
        if (prefix === undefined) continue;
        const right = name.slice(prefix.length + 1);
        const edits = context.yaml(item.at.file)?.replaceScalar(item.at, right) ?? [];
        yield { at: item.at, message: `"${name}" is no name of a tool`, change: [right], fix: { edits } };
      }
    }
  },
};
