/** Stands before several replicas of hook-service and hands each turn of the door to the one that is chosen. */
import { createServer, request as forward, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

export interface Front {
  readonly url: string;
  /** `http://127.0.0.1:P` of the replica that gets the next request, and the next turn. */
  target: string;
  /** Paths of the requests so far. */
  readonly paths: string[];
  stop(): Promise<void>;
}

export async function startFront(): Promise<Front> {
  let target = 'http://127.0.0.1:9';
  /** Answers to requests that stay open behind a turn. */
  const open = new Set<ServerResponse>();
  const server = createServer((req, res) => {
    const { port } = new URL(target);
    front.paths.push(req.url ?? '');
    const headers = req.headers;
    const onward = forward({
      host: '127.0.0.1',
      port,
      path: req.url,
      method: req.method,
      headers,
      agent: false,
    });
    onward.on('response', (reply) => {
      res.writeHead(reply.statusCode ?? 502, reply.headers);
      res.flushHeaders();
      if (req.method === 'POST' && reply.headers['content-type'] === 'application/x-ndjson') open.add(res);
      reply.once('end', () => open.delete(res));
      pipeline(reply, res, () => undefined);
    });
    onward.on('error', () => res.destroy());
    pipeline(req, onward, () => undefined);
    // Whoever hangs up hangs up on the replica too.
    res.on('close', () => {
      open.delete(res);
      onward.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const front: Front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get target() {
      return target;
    },
    set target(next) {
      // The turn that one has goes on where it is, and the next one goes elsewhere.
      if (next !== target) for (const res of open) if (!res.writableEnded) res.write('>{"leave":true}\n');
      target = next;
    },
    paths: [],
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return front;
}
