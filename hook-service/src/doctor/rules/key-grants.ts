import { idsOf } from '../../config/litellm-ids';
import type { Rule } from '../rule';
import { writtenServers, type WrittenServer } from '../servers';
import { jsonPlaces } from '../requests';
import { itemsOf, textOf } from '../yaml-source';

/** Grants of servers to keys by names or by ids that no server has any more. */
export const keyGrants: Rule = {
  ids: ['K95', 'K85'],
  level: 'warning',
  title: 'LiteLLM grants servers by an id that changes',
  why: 'The id is a digest of name, url, transport, auth_type and alias: after a new port the key has no server any more.',
  *find(context) {
    const servers = writtenServers(context);
    if (servers.length === 0) return;
    const ids = new Set(servers.flatMap(idsFor));
    const names = new Set(servers.flatMap((server) => [server.name, server.text('alias') ?? server.name]));
    for (const { path, value } of jsonPlaces(context)) {
      if (path.at(-1) !== 'mcp_servers' || path.at(-2) !== 'object_permission') continue;
      for (const item of itemsOf(value)) {
        const text = textOf(item) ?? '';
        const change = [
          'mcp_access_groups: [<group>], with access_groups: [<group>] in the entry of the server',
        ];
        if (names.has(text))
          yield {
            id: 'K85',
            level: 'note',
            at: item.at,
            message: `"${text}" is a name: Toolturn understands it, LiteLLM wants the id`,
            change,
          };
        else if (/^[0-9a-f]{32}$/.test(text) && !ids.has(text))
          yield { at: item.at, message: `no server of the config has the id ${text}`, change };
      }
    }
  },
};

/** As LiteLLM 1.77.3 makes them (`_generate_stable_server_id`); how a transport that is not written is spelled differs by Python. */
function idsFor(server: WrittenServer): string[] {
  return idsOf({
    name: server.name,
    url: server.text('url'),
    transport: server.text('transport'),
    authType: server.text('auth_type'),
    aliases: [server.text('alias') ?? ''],
  });
}
