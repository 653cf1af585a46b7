import {
  SdkError,
  SdkErrorCode,
  type SdkHttpError,
  type JSONRPCMessage,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client';
import type { IncomingMessage } from 'node:http';
import { readEvents } from './event-stream';
import { envelopeVersion, withEnvelope, withoutSession, type Headers } from './http-headers';
import { ExchangeFailure, mediaType, readText, type Exchange, type HttpClient } from '../wire/http-client';
import { answers, parseMessages, requestId, statusError } from './messages';
import { StandingStream } from './standing-stream';

export interface HttpTransportOptions {
  readonly url: URL;
  readonly headers: Headers;
  readonly http: HttpClient;
  readonly maxMessageBytes: number;
  /** Headers made anew for each request; a message that brings its own ones of the same name keeps those. */
  ownHeaders?(): Headers;
  /** The server is away, or no longer knows our session: seen on the standing stream, before a call finds out. */
  onLost(why: unknown): void;
}

/** A call's own stream is resumed this often, after pauses that double; then the call fails. */
const resume = { attempts: 3, firstPauseMs: 250 };

/**
 * Streamable HTTP for the SDK's client: POST per message, answers as JSON or as an event stream, the standing GET
 * stream, resumption with `Last-Event-ID`. In place of the SDK's transport, because that one is built on `fetch`
 * and web streams (three quarters of a call's CPU), leaves the POST of a cancelled call open for as long as the
 * session lives, and lets a call whose stream broke wait for its timeout.
 */
export class HttpTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** Tells the SDK that on a modern connection a call is cancelled by ending its request. */
  readonly hasPerRequestStream = true;
  sessionId?: string;

  private readonly calls = new Map<string | number, Exchange>();
  private readonly baseHeaders: Headers;
  private postHeaders: Headers;
  private protocolVersion?: string;
  private readonly standing: StandingStream;
  private retryMs?: number;
  private closed = false;

  constructor(private readonly options: HttpTransportOptions) {
    const lower = Object.entries(options.headers).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    this.baseHeaders = Object.fromEntries(lower);
    this.postHeaders = {};
    this.rebuildHeaders();
    this.standing = new StandingStream({
      open: (lastEventId) => this.openStream(lastEventId),
      read: (answer, onId) => this.readStream(answer, onId),
      retryMs: () => this.retryMs,
      onLost: (why) => options.onLost(why),
    });
  }

  async start(): Promise<void> {}

  setProtocolVersion(version: string): void {
    this.protocolVersion = version;
    this.rebuildHeaders();
  }

  /** Resolves when a request is answered (or a notification taken); rejects when it never will be. */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.closed) throw new SdkError(SdkErrorCode.NotConnected, 'Not connected');
    const id = requestId(message);
    if (id !== undefined) return this.sendRequest(message, id, options);
    const answer = await this.post(message, options).answer;
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) throw await statusError(answer);
    answer.resume();
    if (!('method' in message)) return;
    if (message.method === 'notifications/initialized') this.standing.open();
    if (message.method === 'notifications/cancelled') this.abandon(message.params?.['requestId']);
  }

  /** Ends the session at the server (DELETE). Servers may refuse with 405; nothing is done about any failure. */
  async endSession(): Promise<void> {
    if (this.sessionId === undefined) return;
    try {
      const { answer } = this.options.http.open({
        method: 'DELETE',
        url: this.options.url,
        headers: { ...this.options.ownHeaders?.(), ...this.sessionHeaders() },
      });
      (await answer).resume();
    } catch {
      // The server is away: so is the session.
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.standing.close();
    for (const call of this.calls.values()) call.abort();
    this.calls.clear();
    this.onclose?.();
  }

  private async sendRequest(
    message: JSONRPCMessage,
    id: string | number,
    options: TransportSendOptions | undefined,
  ): Promise<void> {
    const exchange = this.post(message, options);
    this.calls.set(id, exchange);
    const abort = () => exchange.abort();
    options?.requestSignal?.addEventListener('abort', abort, { once: true });
    if (options?.requestSignal?.aborted === true) abort();
    try {
      await this.receive(message, id, await exchange.answer);
    } catch (error) {
      if (options?.onRequestStreamEnd === undefined || !(error instanceof ExchangeFailure)) throw error;
      if (options.requestSignal?.aborted !== true) options.onRequestStreamEnd();
    } finally {
      options?.requestSignal?.removeEventListener('abort', abort);
      this.calls.delete(id);
    }
  }

  private async receive(
    message: JSONRPCMessage,
    id: string | number,
    answer: IncomingMessage,
  ): Promise<void> {
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) return this.refused(message, id, await statusError(answer));
    if ('method' in message && message.method === 'initialize') {
      this.setSession(answer.headers['mcp-session-id']);
    }
    const type = mediaType(answer);
    if (type === 'text/event-stream') return this.receiveEvents(id, answer);
    if (type !== 'application/json') {
      answer.destroy();
      throw new SdkError(SdkErrorCode.ClientHttpUnexpectedContent, `Unexpected content type: ${type}`, {
        contentType: type,
      });
    }
    const messages = parseMessages(await readText(answer, this.options.maxMessageBytes));
    for (const each of messages) this.onmessage?.(each);
    if (!messages.some((each) => answers(each, id))) throw new ExchangeFailure('no_answer', true);
  }

  /** A modern server puts its JSON-RPC error into a 400: that is an answer. Everything else is a refusal. */
  private refused(message: JSONRPCMessage, id: string | number, error: SdkHttpError): void {
    if (error.status === 400 && envelopeVersion(message) !== undefined) {
      const text = error.data.text;
      const answer = tryParse(typeof text === 'string' ? text : '').find((each) => answers(each, id));
      if (answer !== undefined) {
        this.onmessage?.(answer);
        return;
      }
    }
    throw error;
  }

  /** Reads a call's event stream, resuming it where the server gave event ids. */
  private async receiveEvents(id: string | number, first: IncomingMessage): Promise<void> {
    let answered = false;
    let lastEventId: string | undefined;
    let stream: IncomingMessage | undefined = first;
    for (let attempt = 0; ; attempt += 1) {
      let broken: ExchangeFailure | undefined;
      try {
        if (stream !== undefined) {
          await this.readStream(
            stream,
            (eventId) => (lastEventId = eventId),
            (each) => (answered ||= answers(each, id)),
          );
        }
      } catch (error) {
        broken = error instanceof ExchangeFailure ? error : new ExchangeFailure('stream_ended', true, error);
      }
      if (answered) return;
      if (this.closed || lastEventId === undefined || attempt >= resume.attempts || !this.calls.has(id)) {
        throw broken ?? new ExchangeFailure('stream_ended', true);
      }
      await pause(this.retryMs ?? resume.firstPauseMs * 2 ** attempt);
      stream = await this.resume(id, lastEventId);
    }
  }

  private async resume(id: string | number, lastEventId: string): Promise<IncomingMessage | undefined> {
    if (this.closed || !this.calls.has(id)) return undefined;
    const exchange = this.openStream(lastEventId);
    this.calls.set(id, exchange);
    const answer = await exchange.answer.catch(() => undefined);
    if (answer?.statusCode === 200 && mediaType(answer) === 'text/event-stream') return answer;
    answer?.resume();
    return undefined;
  }

  private readStream(
    answer: IncomingMessage,
    onId: (eventId: string) => void,
    onMessage?: (message: JSONRPCMessage) => void,
  ): Promise<void> {
    const onEvent = (event: { id?: string | undefined; event?: string | undefined; data: string }) => {
      if (event.id !== undefined && event.id !== '') onId(event.id);
      if (event.data === '' || (event.event !== undefined && event.event !== 'message')) return;
      try {
        for (const message of parseMessages(event.data)) {
          onMessage?.(message);
          this.onmessage?.(message);
        }
      } catch (error) {
        this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const onRetry = (milliseconds: number) => (this.retryMs = milliseconds);
    return readEvents(answer, { onEvent, onRetry }, this.options.maxMessageBytes);
  }

  /** The caller has given up: the server may never answer a cancelled request, and its socket would stay taken. */
  private abandon(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    this.calls.get(id)?.abort();
    this.calls.delete(id);
  }

  private openStream(lastEventId: string | undefined): Exchange {
    const headers = {
      ...this.options.ownHeaders?.(),
      ...this.sessionHeaders(),
      accept: 'text/event-stream',
    };
    return this.options.http.open({
      method: 'GET',
      url: this.options.url,
      headers: lastEventId === undefined ? headers : { ...headers, 'last-event-id': lastEventId },
    });
  }

  private post(message: JSONRPCMessage, options: TransportSendOptions | undefined): Exchange {
    let headers = this.postHeaders;
    if ('method' in message && message.method === 'initialize') headers = withoutSession(headers);
    const own = this.options.ownHeaders?.();
    if (own !== undefined || options?.headers !== undefined)
      headers = { ...own, ...options?.headers, ...headers };
    headers = withEnvelope(headers, message);
    return this.options.http.open({
      method: 'POST',
      url: this.options.url,
      headers,
      body: JSON.stringify(message),
    });
  }

  private setSession(id: string | string[] | undefined): void {
    if (typeof id === 'string' && id !== '') this.sessionId = id;
    this.rebuildHeaders();
  }

  private sessionHeaders(): Record<string, string> {
    return {
      ...this.baseHeaders,
      ...(this.sessionId === undefined ? {} : { 'mcp-session-id': this.sessionId }),
      ...(this.protocolVersion === undefined ? {} : { 'mcp-protocol-version': this.protocolVersion }),
    };
  }

  /** Built when the session changes, not per call. */
  private rebuildHeaders(): void {
    this.postHeaders = {
      ...this.sessionHeaders(),
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
  }
}

function tryParse(text: string): JSONRPCMessage[] {
  try {
    return parseMessages(text);
  } catch {
    return [];
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
