/**
 * Stands between a client and LiteLLM, passes every byte on and keeps a copy. It is the client's proxy for everything
 * else as well, and refuses all of it: what a client wanted on the internet is written down, and it does not get it.
 */
import { createServer, request as forward, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly request: string;
  status?: number;
  response: string;
}

export interface Tap {
  readonly url: string;
  readonly exchanges: Exchange[];
  /** Hosts that were asked for beside LiteLLM. */
  readonly refused: string[];
  stop(): Promise<void>;
}

export async function startTap(target: string): Promise<Tap> {
  const exchanges: Exchange[] = [];
  const refused: string[] = [];
  const server = createServer((req, res) => {
    const path = req.url ?? '/';
    if (!path.startsWith('/')) {
      refused.push(path);
      res.writeHead(403).end();
      return;
    }
    const body: Buffer[] = [];
    req.on('data', (chunk: Buffer) => body.push(chunk));
    req.once('end', () => {
      const sent = Buffer.concat(body);
      const { method = 'GET', headers } = req;
      const exchange: Exchange = { method, path, headers, request: sent.toString(), response: '' };
      exchanges.push(exchange);
      const out = forward(new URL(path, target), { method, headers }, (answer) => {
        exchange.status = answer.statusCode ?? 0;
        res.writeHead(exchange.status, answer.headers);
        answer.on('data', (chunk: Buffer) => (exchange.response += chunk.toString('latin1')));
        answer.pipe(res);
      });
      out.once('error', () => res.destroy());
      res.once('close', () => out.destroy());
      out.end(sent);
    });
  });
  server.on('connect', (req, socket) => {
    refused.push(String(req.url));
    socket.on('error', () => undefined).end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    refused,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
