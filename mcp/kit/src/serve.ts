import { toNodeHandler, originValidation } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EnvironmentError } from './environment';
import { createLog, type Log } from './log';
import { protocolServer, type Tool } from './tool';

/** A server of ours, ready to be served. */
export interface Service {
  readonly tools: readonly Tool[];
  /** What the server depends on, by name. Each throws where it does not answer; the message is public. */
  readonly dependencies: Readonly<Record<string, () => Promise<void>>>;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly name: string;
  readonly version: string;
  /** Absent: stdio. 0: any free port, which the log names. */
  readonly port?: number | undefined;
  readonly host: string;
  readonly allowedOrigins: readonly string[];
}

const localHosts = ['localhost', '127.0.0.1', '[::1]'];
/** A little less than a health check of the compose files waits. */
const checkMs = 4_500;

/**
 * Serves over stdio, or over streamable HTTP at `/mcp` with `GET /health`, in all protocol versions from 2024-11-05
 * to 2026-07-28. Resolves when it serves; gives what ends it.
 */
export async function serve(service: Service, options: ServeOptions, log: Log): Promise<() => Promise<void>> {
  const make = () => protocolServer({ ...options, tools: service.tools, log });
  if (options.port === undefined) {
    const handle = serveStdio(make, {
      onerror: (error) => log.error('a message was not understood', { error }),
    });
    log.info('serving over stdio', { tools: service.tools.length });
    return async () => {
      await handle.close();
      await service.close();
    };
  }
  const handler = createMcpHandler(make, { onerror: (error) => log.error('a request failed', { error }) });
  // Node's request type allows for a missing method, which an HTTP server never sees.
  const mcp = toNodeHandler(handler) as (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  const fromAllowedOrigin = originValidation([...localHosts, ...options.allowedOrigins]);
  const http = createServer((req, res) => {
    if (!fromAllowedOrigin(req, res)) return;
    const path = (req.url ?? '/').split('?', 1)[0];
    if (path === '/health') void health(service, options, res);
    else if (path === '/mcp') void mcp(onceEach(req), res);
    else respond(res, 404, { error: 'There is nothing at this path: MCP is at /mcp.' });
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port, options.host, resolve);
  });
  const { port } = http.address() as AddressInfo;
  log.info('serving over streamable HTTP', {
    url: `http://${options.host}:${port}/mcp`,
    tools: service.tools.length,
  });
  return async () => {
    await handler.close();
    http.closeAllConnections();
    await new Promise<void>((resolve) => http.close(() => resolve()));
    await service.close();
  };
}

/** The whole `main` of a server: reads the environment, serves, ends at SIGTERM, SIGINT or the end of stdin. */
export async function runMain(
  name: string,
  start: (log: Log) => Promise<{ service: Service; options: ServeOptions }>,
): Promise<void> {
  const log = createLog(name);
  let stop: () => Promise<void>;
  let overStdio: boolean;
  try {
    const { service, options } = await start(log);
    overStdio = options.port === undefined;
    stop = await serve(service, options, log);
  } catch (error) {
    const text = error instanceof EnvironmentError ? error.message : `cannot start: ${String(error)}`;
    log.error(text);
    process.exit(1);
  }
  const end = (): void => {
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  // A client that speaks over stdio ends a server by closing its stdin.
  if (overStdio) process.stdin.once('end', end);
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

/** 200, or 503 with the reasons, and the state of each dependency. Never longer than a health check waits. */
async function health(service: Service, { name }: ServeOptions, res: ServerResponse): Promise<void> {
  const entries = Object.entries(service.dependencies);
  const reasons = await Promise.all(entries.map(([, check]) => reasonOf(check)));
  const dependencies = Object.fromEntries(
    entries.map(([dependency], index) => [dependency, reasons[index] === undefined ? 'ok' : 'failed']),
  );
  const failed = reasons.filter((reason) => reason !== undefined);
  if (failed.length === 0) respond(res, 200, { service: name, status: 'ok', dependencies });
  else respond(res, 503, { service: name, status: 'failed', reason: failed.join('; '), dependencies });
}

/** Why a check fails; undefined where it does not. */
async function reasonOf(check: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkMs / 1000} s`)), checkMs);
  });
  try {
    await Promise.race([check(), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown';
  } finally {
    clearTimeout(timer);
  }
}

function respond(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** LiteLLM 1.77.3 sends this header twice, which Node joins; a strict server would refuse every request of it. */
function onceEach(req: IncomingMessage): IncomingMessage {
  const name = 'mcp-protocol-version';
  const version = req.headers[name];
  if (typeof version === 'string' && version.includes(',')) {
    req.headers[name] = version.split(',', 1)[0]?.trim();
    const at = req.rawHeaders.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name);
    const rest = req.rawHeaders.filter(
      (_, index, all) => (all[index - (index % 2)] ?? '').toLowerCase() !== name,
    );
    req.rawHeaders.splice(0, Infinity, ...rest, ...(at === -1 ? [] : [name, req.headers[name] ?? '']));
  }
  return req;
}
