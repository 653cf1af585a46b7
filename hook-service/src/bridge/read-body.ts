import type { IncomingMessage } from 'node:http';

/** A body that is larger than allowed. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** Reads a request's body. Throws `BodyTooLarge`, and whatever broke the connection. */
export function readBody(request: IncomingMessage, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      // The rest is read and dropped, so that the client gets to see the answer.
      else reject(new BodyTooLarge(`The body is larger than ${limit} bytes`));
      if (size > 4 * limit) request.destroy();
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('error', reject);
    request.once('close', () => reject(new Error('The request broke off')));
  });
}
