import type { Log } from '../../hook-service/src/core/ports';

/** A log that nobody reads; a test that reads some of it takes the rest from here. */
export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
