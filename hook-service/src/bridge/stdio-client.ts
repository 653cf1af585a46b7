import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { LineReader } from '../mcp/line-reader';
import { Remote, type RemoteOptions } from './remote';
import { BadMessage, errorAnswer, parseBody, rpcCode } from './rpc';

export interface StdioClientOptions extends Omit<RemoteOptions, 'write'> {
  readonly input: Readable;
  /** Gets JSON-RPC lines and nothing else. */
  readonly output: Writable;
}

/** How long answers may still come after the client has closed its side. */
const lastAnswersMs = 2_000;

/** Serves an MCP client on stdio from a server on HTTP. */
export interface StdioClient {
  /** Resolves when the client has closed its side and the session is ended. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Starts to read. */
export function serveStdioClient(options: StdioClientOptions): StdioClient {
  const { input, output } = options;
  const write = (message: object): void => void output.write(JSON.stringify(message) + '\n');
  const remote = new Remote({ ...options, write });
  let queue: Promise<void> = Promise.resolve();

  const reader = new LineReader({
    limit: options.maxMessageBytes,
    onLine(line) {
      if (line.trim() === '') return;
      try {
        for (const message of parseBody(line).messages) queue = queue.then(() => remote.accept(message));
      } catch (error) {
        const code = error instanceof BadMessage ? error.code : rpcCode.parseError;
        write(errorAnswer(null, code, error instanceof Error ? error.message : 'Parse error'));
      }
    },
    onTooLong: () =>
      write(
        errorAnswer(null, rpcCode.invalidRequest, `A line is longer than ${options.maxMessageBytes} bytes`),
      ),
  });
  const ended = new Promise<void>((resolve) => {
    const finish = async (): Promise<void> => {
      reader.end();
      const until = Date.now() + lastAnswersMs;
      await Promise.race([queue, pause(lastAnswersMs)]);
      while (remote.inFlight > 0 && Date.now() < until) await pause(20);
      await remote.close();
      resolve();
    };
    input.on('data', (chunk: Buffer) => reader.push(chunk));
    input.once('end', () => void finish());
    input.once('error', () => void finish());
    // A client that has gone away reads nothing more.
    output.on('error', () => void remote.close().then(resolve));
  });
  return { ended, close: () => remote.close() };
}
