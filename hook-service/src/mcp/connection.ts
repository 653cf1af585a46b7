import {
  Client,
  type PriorDiscovery,
  type Transport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client';
import type { Log } from '../core/ports';
import type { RemoteServer, ServerConfig, StdioServer } from '../core/servers';
import { within } from '../core/within';
import { withTokens } from './authorized-client';
import { createHttpClient } from '../wire/http-client';
import { HttpTransport } from './http-transport';
import { identityHeader } from './identity-token';
import { keepProgressFirst } from './progress-order';
import { limitRate } from './rate-limit';
import { SseTransport } from './sse-transport';
import { logStderr } from './stderr-log';
import { StdioTransport } from './stdio-transport';
import type { TokenSource } from './token-source';

/** One session to one server, after its handshake. */
export interface Connection {
  readonly client: Client;
  /** Only streamable HTTP has one, and not with every server. */
  readonly hasSession: boolean;
  /** `initialize` (legacy) or `server/discover` (2026-07-28). */
  readonly era: 'legacy' | 'modern';
  /** The version of the protocol that was agreed upon. */
  readonly protocol: string | undefined;
  isClosed(): boolean;
  /** Ends session, streams, sockets and processes. Never rejects. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly log: Log;
  readonly clientInfo: { name: string; version: string };
  readonly handshakeTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly maxSockets: number;
  /** Ends a handshake that is under way. */
  readonly signal: AbortSignal;
  /** What an earlier connection learned: saves the probe for the protocol's era. */
  readonly prior?: PriorDiscovery;
  /** For a process that knows no `initialize`. */
  readonly modernOnly?: boolean;
  /** Access tokens, where the server wants some. */
  readonly tokens?: TokenSource;
  onToolsChanged(): void;
  /** The connection ended, or is known to be of no use. Not called before the handshake is done, nor after `close`. */
  onLost(reason: string): void;
}

interface Wire {
  readonly transport: Transport;
  /** Why it ended, where the transport knows. */
  endReason(): string | undefined;
  close(): Promise<void>;
}

/** A handshake failed. `ended` says in words how the process ended, where it was one. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';

  constructor(
    override readonly cause: unknown,
    readonly ended: string | undefined,
    readonly timedOut: boolean,
  ) {
    super('Connecting failed');
  }
}

/** Connects to a server and does the handshake. Throws `ConnectFailure`; nothing is left behind then. */
export async function openConnection(server: ServerConfig, options: ConnectionOptions): Promise<Connection> {
  let established = false;
  let closed = false;
  const lost = (reason: string) => {
    if (established && !closed) options.onLost(reason);
  };
  const wire = server.transport === 'stdio' ? stdioWire(server, options) : remoteWire(server, options, lost);
  const client = new Client(options.clientInfo, {
    capabilities: {},
    versionNegotiation: { mode: negotiation(server, options) },
    inputRequired: { autoFulfill: false },
  });
  client.onerror = reportProblems(server.publicName, options.log);
  client.setNotificationHandler('notifications/tools/list_changed', () => options.onToolsChanged());

  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), options.handshakeTimeoutMs);
  const ends = AbortSignal.any([options.signal, deadline.signal]);
  try {
    const connecting = client.connect(wire.transport, {
      timeout: options.handshakeTimeoutMs,
      ...(options.prior === undefined ? {} : { prior: options.prior }),
    });
    await Promise.race([connecting, abortOf(ends)]);
    if (client.transport === undefined) throw new Error('The connection ended right after the handshake');
    const { name, version } = client.getServerVersion() ?? {};
    if (name === options.clientInfo.name && version === options.clientInfo.version)
      throw new Error('it is this very Toolturn: set enabled: false for it under toolturn.servers');
  } catch (error) {
    const ended = wire.endReason();
    closed = true;
    await wire.close();
    throw new ConnectFailure(error, ended, deadline.signal.aborted);
  } finally {
    clearTimeout(timer);
  }

  established = true;
  keepProgressFirst(wire.transport);
  client.onclose = () => {
    lost(wire.endReason() ?? 'the connection ended');
    closed = true;
  };
  const connection: Connection = {
    client,
    hasSession: wire.transport.sessionId !== undefined,
    era: client.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
    protocol: client.getNegotiatedProtocolVersion(),
    isClosed: () => closed,
    async close() {
      closed = true;
      await wire.close();
    },
  };
  return connection;
}

const problemsPerSecond = 20;

/** Logs what is odd about a server's messages: answers that nobody waits for, what is no message. A flood is cut. */
function reportProblems(server: string, log: Log): (error: Error) => void {
  const allowed = limitRate(problemsPerSecond, (dropped) =>
    log.warn(`MCP server ${server} sent more odd messages than are logged`, { server, dropped }),
  );
  return (error) => {
    if (allowed()) log.debug('MCP connection reported', { server, error: error.name });
  };
}

/**
 * Streamable HTTP is asked for the newest revision first. A process is asked with `initialize`, which every one knows but
 * those of 2026-07-28 alone: old ones were seen to end, or to say nothing, at a method that they do not know.
 */
function negotiation(server: ServerConfig, { modernOnly }: ConnectionOptions): VersionNegotiationMode {
  if (server.transport === 'http') return 'auto';
  return modernOnly === true ? { pin: '2026-07-28' } : 'legacy';
}

function stdioWire(server: StdioServer, options: ConnectionOptions): Wire {
  const transport = new StdioTransport({
    ...server,
    maxMessageBytes: options.maxMessageBytes,
    onStderr: logStderr(server.publicName, options.log),
  });
  return {
    transport,
    endReason: () => (transport.ended === undefined ? undefined : `the process ${transport.ended}`),
    close: () => transport.close(),
  };
}

function remoteWire(server: RemoteServer, options: ConnectionOptions, lost: (reason: string) => void): Wire {
  const url = new URL(server.url);
  const plain = createHttpClient(url, { maxSockets: options.maxSockets });
  const http = options.tokens === undefined ? plain : withTokens(plain, options.tokens);
  const identity = server.settings?.identity;
  const common = {
    url,
    headers: server.headers,
    http,
    maxMessageBytes: options.maxMessageBytes,
    ...(identity === undefined ? {} : { ownHeaders: () => identityHeader(identity, undefined) }),
  };
  if (server.transport === 'sse') {
    const transport = new SseTransport(common);
    return {
      transport,
      endReason: () => undefined,
      async close() {
        await transport.close();
        http.close();
      },
    };
  }
  const transport = new HttpTransport({
    ...common,
    onLost: () => lost('the server was restarted or is away'),
  });
  return {
    transport,
    endReason: () => undefined,
    async close() {
      await within(endSessionMs, transport.endSession());
      await transport.close();
      http.close();
    },
  };
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Error('The handshake was ended'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** A server that does not answer the DELETE must not hold up the shutdown. */
const endSessionMs = 1_000;
