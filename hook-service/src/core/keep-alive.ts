import type { StreamJoiner } from './dialect';
import type { ChunkSink } from './hooks';
import type { JsonObject } from './json';
import type { Work } from './work';

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

/**
 * Writes what the client sees of tool work the moment it happens, until `close`. Nobody waits for it: calls must not
 * become slower because a client reads slowly, and there is little of it.
 */
export function workWriter(
  joiner: StreamJoiner,
  sink: ChunkSink,
): { readonly write: (work: Work) => void; close(): void } {
  let open = true;
  return {
    write(work) {
      if (!open) return;
      for (const chunk of joiner.work(work)) sink.write(chunk).catch(() => undefined);
    },
    close: () => (open = false),
  };
}
