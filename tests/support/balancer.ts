/** A TCP balancer: each connection goes to the next port that accepts it, and what passes can be slowed. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export interface Balancer {
  readonly port: number;
  /** `http://127.0.0.1:P` */
  readonly url: string;
  /** From now on each piece of data to and from this target takes so much longer; 0 ends it. */
  slow(target: number, milliseconds: number): void;
  stop(): Promise<void>;
}

/** Listens on a free port of loopback in front of these ports of loopback. */
export async function startBalancer(targets: readonly number[]): Promise<Balancer> {
  const delays = targets.map(() => 0);
  const open = new Set<Socket>();
  let next = 0;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    // Until there is a target; afterwards `join` takes care.
    client.on('error', () => client.destroy());
    reach(next++, targets.length, client);
  });

  /** Tries one target after the other, each once. */
  function reach(index: number, left: number, client: Socket): void {
    const target = index % targets.length;
    if (left === 0 || client.destroyed) return void client.destroy();
    const upstream = connect({ port: targets[target] ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    open.add(upstream);
    const refused = (): void => reach(index + 1, left - 1, client);
    upstream.once('error', refused);
    upstream.once('close', () => open.delete(upstream));
    upstream.once('connect', () => {
      upstream.off('error', refused);
      join(client, upstream, () => delays[target] ?? 0);
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    slow: (target, milliseconds) => void (delays[target] = milliseconds),
    stop: () => close(server, open),
  };
}

/** Pipes both ways with the back-pressure of both; where one side breaks, the other does. */
function join(client: Socket, upstream: Socket, delay: () => number): void {
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  const both = [client, upstream];
  for (const socket of both) {
    const other = socket === client ? upstream : client;
    socket.on('error', () => other.destroy());
    socket.once('close', (failed) => void (failed && other.destroy()));
    socket.pipe(delayed(delay)).pipe(other);
  }
}

/** Passes one piece after the other, each after the delay of its time. */
function delayed(delay: () => number): Transform {
  return new Transform({
    transform(piece, _encoding, done) {
      const milliseconds = delay();
      if (milliseconds === 0) done(null, piece);
      else setTimeout(done, milliseconds, null, piece);
    },
  });
}

function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}
