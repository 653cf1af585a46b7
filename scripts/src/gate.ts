/** A promise with its handles outside, so that a test decides when something goes on. */
export interface Gate<T = void> {
  /** Resolves once the gate is open. */
  readonly opened: Promise<T>;
  /** Opens the gate; a second call does nothing. */
  open(value: T): void;
}

/** A closed gate. */
export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}
