/** A client of server-sent events that sees every byte: what arrives, when, and in which order. */
export interface SseEvent {
  readonly data: string;
  /** When it arrived, on the clock of `performance.now()`. */
  readonly at: number;
}

export interface SseResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Events as they arrive. */
  readonly events: AsyncGenerator<SseEvent>;
}

/** Posts JSON and reads the answer as server-sent events; fails on a line that is neither `data:` nor blank. */
export async function postSse(
  url: string,
  key: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<SseResponse> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, events: read(response) };
}

async function* read(response: Response): AsyncGenerator<SseEvent> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(bytes, { stream: true });
    const parts = rest.split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (!part.startsWith('data: '))
        throw new Error(`Not an event of the chat dialect: ${JSON.stringify(part)}`);
      yield { data: part.slice('data: '.length), at: performance.now() };
    }
  }
  if (rest.trim() !== '')
    throw new Error(`The stream ended in the middle of an event: ${JSON.stringify(rest)}`);
}

/** Reads a stream to its end. */
export async function all(events: AsyncIterable<SseEvent>): Promise<SseEvent[]> {
  const found: SseEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}
