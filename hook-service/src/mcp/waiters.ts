/** Those who wait for one value, each with a deadline and a signal of its own. */
export class Waiters<T> {
  private readonly waiting = new Set<(value: T) => void>();

  get size(): number {
    return this.waiting.size;
  }

  /** Resolves with the settled value, or with `otherwise` after the time or at the signal's abort. */
  wait(milliseconds: number, signal: AbortSignal, otherwise: T): Promise<T> {
    if (milliseconds <= 0 || signal.aborted) return Promise.resolve(otherwise);
    return new Promise((resolve) => {
      const done = (value: T) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.waiting.delete(done);
        resolve(value);
      };
      const giveUp = () => done(otherwise);
      const timer = setTimeout(giveUp, milliseconds);
      signal.addEventListener('abort', giveUp, { once: true });
      this.waiting.add(done);
    });
  }

  settle(value: T): void {
    for (const done of [...this.waiting]) done(value);
  }
}
