export interface CallDeadline {
  /** Aborted at the caller's abort, or when the time has passed. */
  readonly signal: AbortSignal;
  /** True when it was the time. */
  readonly passed: boolean;
  clear(): void;
}

/**
 * The end of one call that no progress moves. Not `AbortSignal.any`: what that makes of a signal which lives for a whole
 * turn is collected late.
 */
export function callDeadline(caller: AbortSignal, last: number): CallDeadline {
  const end = new AbortController();
  let passed = false;
  const cancelled = () => end.abort(caller.reason);
  caller.addEventListener('abort', cancelled, { once: true });
  if (caller.aborted) cancelled();
  const timer = setTimeout(
    () => {
      passed = true;
      end.abort(new Error('The call took too long'));
    },
    Math.max(1, last - Date.now()),
  );
  return {
    signal: end.signal,
    get passed() {
      return passed;
    },
    clear() {
      clearTimeout(timer);
      caller.removeEventListener('abort', cancelled);
    },
  };
}
