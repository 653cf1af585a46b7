import type { Dialect, StreamJoiner } from './dialect';
import type { EarlyAnswers } from './early-answers';
import { firstLine, ToolturnError } from './errors';
import type { HeldSink } from './held-sink';
import type { ChunkSink } from './hooks';
import { isJsonObject, type JsonObject } from './json';
import type { Upstream, UpstreamRequest } from './ports';
import type { Asker, Reading } from './turn';

/** Makes the continuation of a round: path, headers and body for LiteLLM. */
export type Continuation = (body: JsonObject, roundNumber: number, signal: AbortSignal) => UpstreamRequest;

/** Rounds as whole responses. Of a round that was told early, what LiteLLM itself still sends is read and dropped. */
export function wholeAsker(options: {
  dialect: Dialect;
  turn: string;
  first: JsonObject;
  upstream: Upstream;
  continuation: Continuation;
  /** Absent: nothing is told before LiteLLM sends it. */
  early?: EarlyAnswers;
}): Asker {
  const { dialect, turn, upstream, continuation, early } = options;
  const rests: Promise<unknown>[] = [];
  const answer = (request: UpstreamRequest, roundNumber: number): Promise<JsonObject> => {
    if (early === undefined) return upstream.send(request);
    const sent = upstream.send({ ...request, isAnswered: () => early.has(roundNumber) });
    rests.push(sent.catch(() => undefined));
    return Promise.race([early.of(roundNumber), sent]);
  };
  async function* read(response: JsonObject, roundNumber: number): Reading {
    const round = dialect.read(response, turn, roundNumber);
    yield* round.calls;
    return round;
  }
  return {
    first: () => read(options.first, 1),
    async *ask(body, roundNumber, signal) {
      return yield* read(await answer(continuation(body, roundNumber, signal), roundNumber), roundNumber);
    },
    settled: () => Promise.all(rests),
  };
}

/**
 * Rounds as streams: what the client may see goes to the sink at once, calls come out as soon as each is complete. A
 * round ends with the last chunk that matters: LiteLLM closes its stream only behind its logging, some milliseconds later.
 */
export function streamAsker(options: {
  joiner: StreamJoiner;
  first: AsyncIterable<JsonObject>;
  sink: ChunkSink;
  upstream: Upstream;
  continuation: Continuation;
  /** The sink, where what a round says waits until all of its calls were looked at. */
  held?: HeldSink;
  /** True where every stream has to be read to its end first: somebody in LiteLLM may still refuse the answer there. */
  toTheEnd?: boolean;
}): Asker {
  const { joiner, sink, upstream, continuation, held, toTheEnd = false } = options;
  const rests: Promise<void>[] = [];
  const isOver = (): boolean => !toTheEnd && joiner.isOver;
  async function* read(stream: AsyncIterable<JsonObject>): Reading {
    held?.hold();
    for await (const chunk of until(isOver, stream, (rest) => void rests.push(rest))) {
      failOnError(chunk);
      const reading = joiner.push(chunk);
      const written = writeAll(sink, reading.out);
      yield* reading.calls;
      await written;
    }
    const { out, calls, round } = joiner.endRound();
    const written = writeAll(sink, out);
    yield* calls;
    await written;
    await held?.release();
    return round;
  }
  return {
    first: () => read(options.first),
    async *ask(body, roundNumber, signal) {
      return yield* read(await upstream.stream(continuation(body, roundNumber, signal)));
    },
    settled: () => Promise.all(rests),
  };
}

/** The chunks until nothing more is waited for. What comes then is read by itself: half a stream read is one cut off. */
async function* until(
  isOver: () => boolean,
  stream: AsyncIterable<JsonObject>,
  onRest: (read: Promise<void>) => void,
): AsyncGenerator<JsonObject> {
  const chunks = stream[Symbol.asyncIterator]();
  let isLeft = false;
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      yield next.value;
      if (!isOver()) continue;
      isLeft = true;
      return onRest(readRest(chunks));
    }
  } finally {
    if (!isLeft) await chunks.return?.();
  }
}

/** Never rejects: the round is complete. */
async function readRest(chunks: AsyncIterator<JsonObject>): Promise<void> {
  try {
    while ((await chunks.next()).done !== true);
  } catch {
    // A connection that broke behind the last chunk has lost nothing.
  }
}

/** Writes at once, in order, so that what calls report stands behind it; resolves when the next chunk may come. */
function writeAll(sink: ChunkSink, chunks: readonly JsonObject[]): Promise<unknown> {
  const written = Promise.all(chunks.map((chunk) => sink.write(chunk)));
  // Nobody waits any more once the turn has ended elsewhere.
  written.catch(() => undefined);
  return written;
}

/** An error object in the place of a chunk ends the round: LiteLLM writes one when the provider fails in mid-stream. */
function failOnError(chunk: JsonObject): void {
  const error = chunk['error'];
  if (!isJsonObject(error)) return;
  const status = Number(error['code']);
  throw new ToolturnError(
    'upstream_failed',
    typeof error['message'] === 'string' ? firstLine(error['message']) : 'The model failed in mid-stream.',
    {
      ...(Number.isInteger(status) && status >= 400 && status <= 599 ? { status } : {}),
    },
  );
}
