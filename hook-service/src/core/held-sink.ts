import type { ChunkSink } from './hooks';
import type { JsonObject } from './json';

/**
 * Keeps back what is written while a round is being read, so that a client gets no part of a call that it may not get.
 * What the model writes in one round is its bound.
 */
export class HeldSink implements ChunkSink {
  private held: JsonObject[] | undefined;

  constructor(private readonly sink: ChunkSink) {}

  /** From here on nothing goes out. */
  hold(): void {
    this.held ??= [];
  }

  /** Everything goes out, in order, and what comes as well. */
  async release(): Promise<void> {
    const chunks = this.held ?? [];
    this.held = undefined;
    for (const chunk of chunks) await this.sink.write(chunk);
  }

  /** What was held is thrown away; what comes goes out. */
  drop(): void {
    this.held = undefined;
  }

  async write(chunk: JsonObject): Promise<void> {
    if (this.held === undefined) await this.sink.write(chunk);
    else this.held.push(chunk);
  }
}
