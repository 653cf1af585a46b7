/** A port on loopback whose connections are the stdin and stdout of a command, for servers that no port leads to. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo, type Server } from 'node:net';

export interface Tunnel {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Opens it; each connection starts the command once. */
export async function openTunnel([command, ...args]: readonly [string, ...string[]]): Promise<Tunnel> {
  const children = new Set<ChildProcess>();
  const server: Server = createServer((socket) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    children.add(child);
    child.once('close', () => children.delete(child));
    child.once('error', () => socket.destroy());
    child.stdin.on('error', () => socket.destroy());
    child.stdout.on('end', () => socket.end());
    socket.on('error', () => child.kill());
    socket.on('close', () => child.kill());
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const child of children) child.kill();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
