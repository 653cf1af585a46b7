import type { StreamJoiner } from './dialect';
import type { ChunkSink } from './hooks';
import type { JsonObject } from './json';

/** Writes a keep-alive whenever nothing else was written for a while, so that no client or proxy gives up. */
export function keptAlive(
  sink: ChunkSink,
  joiner: StreamJoiner,
  everyMs: number,
): ChunkSink & { stop(): void } {
  let pending = 0;
  const write = async (chunk: JsonObject): Promise<void> => {
    pending += 1;
    try {
      await sink.write(chunk);
    } finally {
      pending -= 1;
    }
  };
  const timer = setInterval(() => {
    // A reader that is behind has something to read already.
    const chunk = pending === 0 ? joiner.keepAlive() : undefined;
    if (chunk !== undefined) write(chunk).catch(() => clearInterval(timer));
  }, everyMs);
  return {
    write(chunk) {
      timer.refresh();
      return write(chunk);
    },
    stop: () => clearInterval(timer),
  };
}
