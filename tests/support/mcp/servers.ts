import { join } from 'node:path';
import type { Log } from '../../../hook-service/src/core/ports';
import type { RemoteServer, StdioServer } from '../../../hook-service/src/core/servers';

const common = { timeoutMs: 10_000, requireApproval: 'never' } as const;

/** The config of a remote server, with everything else as usual. */
export function remoteServer(
  publicName: string,
  url: string,
  more: Partial<RemoteServer> = {},
): RemoteServer {
  return { ...common, name: publicName, publicName, transport: 'http', url, headers: {}, ...more };
}

/** The config of the stdio fixture in one of its modes. */
export function stdioServer(publicName: string, mode: string, more: Partial<StdioServer> = {}): StdioServer {
  const script = join(__dirname, 'stdio-server.mjs');
  return {
    ...common,
    name: publicName,
    publicName,
    transport: 'stdio',
    command: process.execPath,
    args: [script, mode],
    env: {},
    ...more,
  };
}

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A log that keeps its entries. */
export function memoryLog(): Log & { entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const add =
    (level: LogEntry['level']) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void entries.push({ level, message, fields });
  return { entries, debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
}
