import type { ServerView } from '../../console-page/shapes';
import type { ServerConfig } from '../core/servers';

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

/**
 * Host and port of an address, and its path where that is a word. Some services put a key into the path or query of
 * the address.
 */
export function shownAddress(address: string): string {
  if (!URL.canParse(address)) return '';
  const { protocol, host, pathname, search } = new URL(address);
  const path = pathname
    .split('/')
    .map((part) => (/^[a-z][a-z_.-]{0,31}$/i.test(part) || /^v\d+$/.test(part) || part === '' ? part : '…'))
    .join('/');
  return `${protocol}//${host}${path}${search === '' ? '' : '?…'}`;
}
