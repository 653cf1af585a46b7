import { BoundedMap, mostCharacters } from './memory';

/** Most writes that wait; the oldest goes. */
const mostMissed = 2000;

/**
 * What was written to memory because Redis was away, so that Redis has it when it is back: other replicas look there for
 * the turn that a client repeats and for what its calls came to. The last write of a key counts.
 */
export class MissedWrites {
  private readonly waiting = new BoundedMap<() => Promise<unknown>>(mostMissed, Date.now, mostCharacters);
  private replaying: Promise<void> | undefined;

  /** `characters`: how much it holds on to. */
  note(key: string, write: () => Promise<unknown>, characters = 0): void {
    this.waiting.set(key, write, Infinity, characters);
  }

  /** What was missed is of no use any more: something newer stands there, or nothing may. */
  forget(key: string): void {
    this.waiting.delete(key);
  }

  /** To be called when Redis has done something: it may have been slow for a while, without having been away. */
  redisWorks(): void {
    if (this.waiting.size > 0) void this.replay();
  }

  /** Writes what waits; stops at the first write that fails. Never rejects; joins a replay that is under way. */
  replay(): Promise<void> {
    this.replaying ??= this.all().finally(() => (this.replaying = undefined));
    return this.replaying;
  }

  private async all(): Promise<void> {
    for (const [key, write] of this.waiting) {
      try {
        await write();
      } catch {
        // Redis is away again; what is left waits for its next return.
        return;
      }
      if (this.waiting.get(key) === write) this.waiting.delete(key);
    }
  }
}
