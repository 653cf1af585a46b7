import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** Sees each request first; returns true when it has answered (or will never answer) itself. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, body: unknown) => boolean;

/** An HTTP server that can go away, sockets and all, and come back on the same port. */
export class Listener {
  port = 0;
  private server: Server | undefined;

  constructor(private readonly onRequest: RequestListener) {}

  async up(port = this.port): Promise<void> {
    const server = createServer(this.onRequest);
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as AddressInfo).port;
  }

  /** Closes the port and breaks every connection. */
  async down(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}

/** The JSON body of a request; undefined where there is none. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
