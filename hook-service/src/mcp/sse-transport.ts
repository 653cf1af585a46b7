import {
  SdkError,
  SdkErrorCode,
  type JSONRPCMessage,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client';
import type { IncomingMessage } from 'node:http';
import { within } from '../core/within';
import { readEvents } from './event-stream';
import { ExchangeFailure, mediaType, type Exchange, type HttpClient } from '../wire/http-client';
import { parseMessages, statusError } from './messages';

export interface SseTransportOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: HttpClient;
  readonly maxMessageBytes: number;
  /** Headers made anew for each request; a message that brings its own ones of the same name keeps those. */
  ownHeaders?(): Readonly<Record<string, string>>;
}

/**
 * The HTTP+SSE transport of 2024-11-05. In place of the SDK's, which reopens a broken event stream in silence: the
 * new stream belongs to a session that was never initialised, and calls in flight wait for their timeout. Here a
 * broken stream closes the transport, so that calls fail at once and the session is made anew.
 */
export class SseTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  private stream?: Exchange;
  private endpoint?: URL;
  private readonly unanswered = new Set<Exchange>();
  private readonly sending = new Set<Promise<void>>();
  private protocolVersion?: string;
  private closed = false;

  constructor(private readonly options: SseTransportOptions) {}

  setProtocolVersion(version: string): void {
    this.protocolVersion = version;
  }

  /** Opens the event stream. Resolves once the server has named the address for messages. */
  async start(): Promise<void> {
    const { url, http } = this.options;
    this.stream = http.open({
      method: 'GET',
      url,
      headers: { ...this.options.ownHeaders?.(), ...this.headers('accept', 'text/event-stream') },
    });
    const answer = await this.stream.answer;
    answer.socket.setKeepAlive(true, 15_000);
    if (answer.statusCode !== 200) throw await statusError(answer);
    if (mediaType(answer) !== 'text/event-stream') {
      answer.destroy();
      const contentType = mediaType(answer);
      throw new SdkError(
        SdkErrorCode.ClientHttpUnexpectedContent,
        `Unexpected content type: ${contentType}`,
        {
          contentType,
        },
      );
    }
    await this.readUntilEndpoint(answer);
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const sending = this.post(message, options?.headers);
    this.sending.add(sending);
    return sending.finally(() => this.sending.delete(sending));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.stream?.abort();
    for (const post of this.unanswered) post.abort();
    // A message that was not sent, or was refused, has to fail as such, and not as one whose connection broke off.
    await within(closeMs, Promise.allSettled(this.sending));
    // One turn more: whoever waits for those messages hears of them first.
    await new Promise(setImmediate);
    this.onclose?.();
  }

  private async post(message: JSONRPCMessage, own: TransportSendOptions['headers']): Promise<void> {
    if (this.closed || this.endpoint === undefined) {
      throw new SdkError(SdkErrorCode.NotConnected, 'Not connected');
    }
    const exchange = this.options.http.open({
      method: 'POST',
      url: this.endpoint,
      headers: {
        ...this.options.ownHeaders?.(),
        ...own,
        ...this.headers('content-type', 'application/json'),
      },
      body: JSON.stringify(message),
    });
    this.unanswered.add(exchange);
    const answer = await exchange.answer.finally(() => this.unanswered.delete(exchange));
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) throw await statusError(answer);
    answer.resume();
  }

  private readUntilEndpoint(answer: IncomingMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const onEvent = (event: { event?: string | undefined; data: string }) => {
        try {
          if (event.event === 'endpoint') {
            this.endpoint = sameOrigin(event.data, this.options.url);
            resolve();
          } else if (event.event === undefined || event.event === 'message') {
            for (const message of parseMessages(event.data)) this.onmessage?.(message);
          }
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          this.onerror?.(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const ended = (error: unknown) => {
        reject(error instanceof Error ? error : new ExchangeFailure('stream_ended', true));
        void this.close();
      };
      readEvents(answer, { onEvent }, this.options.maxMessageBytes).then(() => ended(undefined), ended);
    });
  }

  private headers(name: string, value: string): Record<string, string> {
    const headers = Object.fromEntries(
      Object.entries(this.options.headers).map(([key, each]) => [key.toLowerCase(), each]),
    );
    if (this.protocolVersion !== undefined) headers['mcp-protocol-version'] = this.protocolVersion;
    return { ...headers, [name]: value };
  }
}

/** Longest wait for the refusals of messages on their way. */
const closeMs = 200;

/** The address for messages must be at the server itself: our headers hold its credentials. */
function sameOrigin(endpoint: string, url: URL): URL {
  const resolved = new URL(endpoint, url);
  if (resolved.origin !== url.origin) throw new ExchangeFailure('foreign_endpoint', true);
  return resolved;
}
