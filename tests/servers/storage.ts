/** An S3 storage of our own: moto, a real implementation of the API over HTTP, on loopback. */
import { join } from 'node:path';
import { freePort, startProcess, waitForHttp } from '../../scripts/src/processes';
import { installation } from './place';

export interface Storage {
  readonly url: string;
  put(key: string, body: string | Buffer, type?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with one empty bucket; its log is written into `dir`. It takes objects without a signature. */
export async function startStorage(dir: string, bucket: string): Promise<Storage> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running = await startProcess({
    name: 'moto',
    command: installation.python('moto', 'moto_server'),
    logFile: join(dir, 'moto.log'),
    args: ['-H', '127.0.0.1', '-p', `${port}`],
    env: { PATH: process.env['PATH'], HOME: dir },
  });
  await waitForHttp(`${url}/moto-api/`, { timeoutMs: 60_000, process: running });
  await fetch(`${url}/${bucket}`, { method: 'PUT' });
  return {
    url,
    async put(key, body, type = 'application/octet-stream') {
      const { status } = await fetch(`${url}/${bucket}/${key}`, {
        method: 'PUT',
        headers: { 'content-type': type },
        body: new Uint8Array(Buffer.from(body)),
      });
      if (status !== 200) throw new Error(`the storage answered ${status} for ${key}`);
    },
    stop: () => running.stop(),
  };
}
