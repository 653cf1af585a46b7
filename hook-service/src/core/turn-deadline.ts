/** The end of a turn's time, for as long as the turn runs. */
export interface TurnDeadline {
  /** Aborted with the reason of `signal`, or with a `TimeoutError` when the time has passed. */
  readonly signal: AbortSignal;
  /** To be called when nothing of the turn runs any more: from then on nothing is held. */
  clear(): void;
  /** Ends it now: what still runs under it is given up, and nothing is held. */
  end(reason: unknown): void;
}

/**
 * Ends `milliseconds` from now, or when `signal` does. Not `AbortSignal.timeout` and `AbortSignal.any`: these hold a turn in
 * memory until its time has passed, however early it was over.
 */
export function turnDeadline(signal: AbortSignal, milliseconds: number): TurnDeadline {
  const controller = new AbortController();
  const cancelled = (): void => end(signal.reason);
  const timer = setTimeout(
    () => end(new DOMException('The time of the turn is used up.', 'TimeoutError')),
    milliseconds,
  );
  timer.unref();
  const clear = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancelled);
  };
  const end = (reason: unknown): void => {
    clear();
    controller.abort(reason);
  };
  if (signal.aborted) cancelled();
  else signal.addEventListener('abort', cancelled, { once: true });
  return { signal: controller.signal, clear, end };
}
