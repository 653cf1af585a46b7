import type { Exchange } from '../wire/http-client';
import { StandingStream } from '../mcp/standing-stream';
import { readReply } from './remote-reply';
import type { Message } from './rpc';

export interface RemoteListenerOptions {
  open(lastEventId: string | undefined): Exchange;
  readonly maxMessageBytes: number;
  onMessage(message: Message): void;
  /** The far side was restarted, or forgot the session. */
  onLost(): void;
}

/** What the server says unasked, for as long as there is a session. */
export class RemoteListener {
  private stream: StandingStream | undefined;

  constructor(private readonly options: RemoteListenerOptions) {}

  listen(): void {
    this.stream?.close();
    const { options } = this;
    const stream = new StandingStream({
      open: (lastEventId) => options.open(lastEventId),
      read: async (reply, onId) => {
        const { lastEventId } = await readReply(reply, undefined, options.maxMessageBytes, (message) =>
          options.onMessage(message),
        );
        if (lastEventId !== undefined) onId(lastEventId);
      },
      retryMs: () => undefined,
      onLost: () => {
        if (this.stream === stream) options.onLost();
      },
    });
    this.stream = stream;
    stream.open();
  }

  pause(): void {
    this.stream?.close();
    this.stream = undefined;
  }

  close(): void {
    this.pause();
  }
}
