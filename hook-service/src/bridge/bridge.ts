import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ToolturnError } from '../core/errors';
import type { Log } from '../core/ports';
import type { ChildCounts, ChildOptions } from './child';
import { createGuard } from './guard';
import type { Backend } from './link';
import { OwnChildren } from './own-child';
import { Router } from './router';
import { SharedSessions } from './shared-sessions';
import { Stateless } from './stateless';

export interface BridgeOptions {
  /** What `/health` and the log call this bridge. */
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  /** The variables that the server gets beside HOME, LOGNAME, PATH, SHELL, TERM and USER. */
  readonly env: Readonly<Record<string, string>>;
  /** One child for all sessions in place of one for each. */
  readonly shared: boolean;
  readonly maxSessions: number;
  /** A session that nobody is connected to ends after this time. */
  readonly idleMs: number;
  /** How long the server may take from its start to the end of its handshake. */
  readonly startTimeoutMs: number;
  readonly allowedHosts: readonly string[];
  /** The bearer token that clients must send. */
  readonly token?: string;
  readonly bodyBytes: number;
  /** Longest message of the server, in bytes. */
  readonly messageBytes: number;
  readonly log: Log;
}

/** A bridge that listens. */
export interface RunningBridge {
  readonly url: string;
  /** Ends every session and child; resolves when none is left, after some seconds at most. */
  close(): Promise<void>;
}

/** Puts a stdio MCP server on HTTP. Throws `ToolturnError` where it cannot listen; a server that fails is for `/health`. */
export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const { log, name } = options;
  const counts: ChildCounts = { running: 0, started: 0, junkLines: 0 };
  const child: ChildOptions = {
    name,
    command: options.command,
    args: options.args,
    env: options.env,
    maxMessageBytes: options.messageBytes,
    startTimeoutMs: options.startTimeoutMs,
    log,
    counts,
  };
  const backend = options.shared ? new SharedSessions(child) : new OwnChildren(child);
  const stateless = new Stateless(child, options.idleMs);
  const router: Router = new Router({
    backend,
    stateless,
    guard: createGuard({
      allowedHosts: [options.host, ...options.allowedHosts],
      ...(options.token === undefined ? {} : { token: options.token }),
    }),
    maxSessions: options.maxSessions,
    idleMs: options.idleMs,
    bodyBytes: options.bodyBytes,
    log,
    health: () => health(options, backend, counts, router.sessionCount),
  });
  const server = createServer((request, response) => void router.handle(request, response));
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  log.info('bridge is listening', { url: `${url}/mcp`, server: name, mode: modeOf(options) });
  if (backend instanceof SharedSessions) backend.start();
  else void backend.probe().then(() => logProblem(backend, log, name));

  let closing: Promise<void> | undefined;
  return {
    url,
    close() {
      closing ??= (async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        await router.close();
        await Promise.all([backend.close(), stateless.close()]);
        server.closeAllConnections();
        await closed;
        log.info('bridge stopped', { server: name, children_left: counts.running });
      })();
      return closing;
    },
  };
}

function health(
  options: BridgeOptions,
  backend: Backend,
  counts: ChildCounts,
  sessions: number,
): { status: number; body: object } {
  const child = backend.health();
  const ok = child.state === 'ready';
  const body = {
    status: ok ? 'ok' : child.state === 'starting' ? 'starting' : 'unavailable',
    service: options.name,
    mode: modeOf(options),
    child,
    sessions: { open: sessions, most: options.maxSessions },
    processes: { running: counts.running, started: counts.started },
    junk_lines: counts.junkLines,
  };
  return { status: ok ? 200 : 503, body };
}

function logProblem(backend: Backend, log: Log, name: string): void {
  const { state, reason } = backend.health();
  if (state === 'failed') log.error(`MCP server ${name} cannot be started`, { server: name, reason });
}

function modeOf(options: BridgeOptions): string {
  return options.shared ? 'shared' : 'per-session';
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} is in use: choose another one with --port`
          : `cannot listen on ${host}:${port} (${error.code ?? error.name})`;
      reject(new ToolturnError('config_invalid', reason, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
