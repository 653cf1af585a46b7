/** The ports of the stack, as its files name them, and who listens on one. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths';

export interface Reserved {
  readonly port: number;
  readonly what: string;
}

/** LiteLLM's port, those of `./scripts/up`, and those of the compose files of mcp/. */
export function reservedPorts(): Reserved[] {
  const own: Reserved[] = [
    { port: 4000, what: 'LiteLLM' },
    { port: 48_379, what: 'Redis' },
    { port: 48_900, what: 'hook-service' },
    { port: 48_910, what: 'demo model' },
  ];
  const folder = join(root, 'mcp');
  const servers = readdirSync(folder).flatMap((name) => {
    const file = join(folder, name, 'compose.yml');
    const port = existsSync(file) ? /:-(48\d{3})\}/.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
    return port === undefined ? [] : [{ port: Number(port), what: `mcp-${name}` }];
  });
  return [...own, ...servers].sort((a, b) => a.port - b.port);
}

export interface Listener {
  readonly pid: number;
  readonly command: string;
}

/** The processes that listen on a TCP port, as far as this user may see them; on Linux only. */
export function listenersOf(port: number): Listener[] {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listening(file, port)));
  if (inodes.size === 0) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const mine = readdirSync(`/proc/${name}/fd`).some((fd) => {
          const socket = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${name}/fd/${fd}`))?.[1];
          return socket !== undefined && inodes.has(socket);
        });
        // The name alone: arguments may hold secrets.
        return mine
          ? [{ pid: Number(name), command: readFileSync(`/proc/${name}/comm`, 'utf8').trim() }]
          : [];
      } catch {
        return []; // somebody else's, or ended meanwhile
      }
    });
}

/** Inodes of sockets that listen on the port: state 0A of the kernel's table. */
function listening(file: string, port: number): string[] {
  if (!existsSync(file)) return [];
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && fields[1]?.endsWith(`:${hex}`) === true)
    .map((fields) => fields[9] ?? '');
}
