/** Requests on kept connections, timed from the first byte that is written. */
import http from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Milliseconds until the first piece of the body, and until its end. */
  readonly first: number;
  readonly total: number;
  readonly bytes: number;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const deadlineMs = 120_000;

/** Posts JSON; rejects where there is no whole answer within two minutes. */
export function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  /** Each piece of the body as it comes. */
  onPiece?: (text: string) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const request = http.request(
      url,
      {
        method: 'POST',
        agent,
        timeout: deadlineMs,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (answer) => {
        let [text, first, bytes] = ['', 0, 0];
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          if (first === 0) first = performance.now() - begun;
          bytes += Buffer.byteLength(piece);
          text += piece;
          onPiece?.(piece);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            first,
            total: performance.now() - begun,
            bytes,
          }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${deadlineMs} ms`)));
    request.on('error', reject);
    request.end(body);
  });
}
