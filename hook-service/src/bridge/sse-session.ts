import type { ServerResponse } from 'node:http';
import { openEventStream, writeEvent } from './event-channel';
import type { Backend, Link, LinkEvents } from './link';
import { errorAnswer, rpcCode, type Id, type Message } from './rpc';

const keepAliveMs = 15_000;

/** One session of HTTP+SSE (2024-11-05): everything the server says goes into one stream, and ends with it. */
export class SseSession implements LinkEvents {
  private readonly link: Link;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    readonly id: string,
    private readonly response: ServerResponse,
    backend: Backend,
    private readonly onEnd: () => void,
  ) {
    this.link = backend.open(this);
    response.once('close', () => void this.end());
  }

  /** Opens the stream once the server runs. Throws `ChildFailure`; the session is over then. */
  async open(messagesPath: string): Promise<void> {
    try {
      await this.link.start();
    } catch (error) {
      await this.end();
      throw error;
    }
    if (this.ended) return;
    openEventStream(this.response);
    writeEvent(this.response, `event: endpoint\ndata: ${messagesPath}?sessionId=${this.id}\n\n`);
    this.timer = setInterval(() => writeEvent(this.response, ': keep-alive\n\n'), keepAliveMs);
  }

  tell(message: Message): void {
    this.link.send(message);
  }

  onMessage(message: Message): void {
    writeEvent(this.response, `event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  onFailed(id: Id, reason: string): void {
    const answer = JSON.stringify(errorAnswer(id, rpcCode.server, reason));
    writeEvent(this.response, `event: message\ndata: ${answer}\n\n`);
  }

  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.onEnd();
    const closing = this.link.close();
    if (this.response.headersSent) this.response.end();
    await closing;
  }
}
