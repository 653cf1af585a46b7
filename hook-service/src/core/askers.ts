import type { Dialect, StreamJoiner } from './dialect';
import { firstLine, ToolturnError } from './errors';
import type { HeldSink } from './held-sink';
import type { ChunkSink } from './hooks';
import { isJsonObject, type JsonObject } from './json';
import type { Upstream, UpstreamRequest } from './ports';
import type { Asker, Reading } from './turn';

/** Makes the continuation of a round: path, headers and body for LiteLLM. */
export type Continuation = (body: JsonObject, roundNumber: number, signal: AbortSignal) => UpstreamRequest;

/** Rounds as whole responses. */
export function wholeAsker(options: {
  dialect: Dialect;
  turn: string;
  first: JsonObject;
  upstream: Upstream;
  continuation: Continuation;
}): Asker {
  const { dialect, turn, upstream, continuation } = options;
  async function* read(response: JsonObject, roundNumber: number): Reading {
    const round = dialect.read(response, turn, roundNumber);
    yield* round.calls;
    return round;
  }
  return {
    first: () => read(options.first, 1),
    async *ask(body, roundNumber, signal) {
      return yield* read(await upstream.send(continuation(body, roundNumber, signal)), roundNumber);
    },
  };
}

/** Rounds as streams: what the client may see goes to the sink at once, calls come out as soon as each is complete. */
export function streamAsker(options: {
  joiner: StreamJoiner;
  first: AsyncIterable<JsonObject>;
  sink: ChunkSink;
  upstream: Upstream;
  continuation: Continuation;
  /** The sink, where what a round says waits until all of its calls were looked at. */
  held?: HeldSink;
}): Asker {
  const { joiner, sink, upstream, continuation, held } = options;
  async function* read(chunks: AsyncIterable<JsonObject>): Reading {
    held?.hold();
    for await (const chunk of chunks) {
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
  };
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
