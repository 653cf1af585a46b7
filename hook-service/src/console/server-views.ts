import type { ServerView } from '../../console-page/shapes';
import type { ServerConfig } from '../core/servers';
import { shownAddress } from '../core/shown-address';

/** What the config says of each server, without anything that could be a credential. */
export function serverViews(servers: readonly ServerConfig[]): readonly ServerView[] {
  return servers.map((server) => ({
    name: server.publicName,
    transport: server.transport,
    at:
      server.transport === 'stdio' ? (server.command.split(/[\\/]/).at(-1) ?? '') : shownAddress(server.url),
    groups: server.accessGroups ?? [],
    timeoutMs: server.timeoutMs,
    ...(server.description === undefined ? {} : { description: server.description }),
    ...(server.allowedKeyHashes === undefined ? {} : { keys: server.allowedKeyHashes.length }),
  }));
}
