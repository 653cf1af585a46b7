/** A web page on loopback, for servers that read pages. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Page {
  readonly url: string;
  /** What only the page says. */
  readonly word: string;
  stop(): Promise<void>;
}

export async function startPage(word: string): Promise<Page> {
  const html = `<!doctype html><html><head><title>Harbour office</title></head>
<body><main><h1>Harbour office</h1><p>The word of the day is ${word}. It is written on the door of the office, and on
every ticket that is sold there until the evening.</p></main></body></html>`;
  const server = createServer((request, response) => {
    const known = request.url === '/office.html';
    response.writeHead(known ? 200 : 404, { 'content-type': known ? 'text/html' : 'text/plain' });
    response.end(known ? html : 'not here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/office.html`,
    word,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
