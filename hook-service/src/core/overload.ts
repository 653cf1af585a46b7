import type { ToolturnError } from './errors';
import { failureError } from './failure-policy';
import type { Scope } from './ports';

/** How many turns may be in work at once, in one process. */
export interface TurnsAtOnce {
  readonly all: number;
  /** Of one caller; absent: as many as of all. */
  readonly perKey?: number;
}

/** The setting that refuses a request while too many turns are in work. */
export type TurnsLimit = 'limits.turns' | 'limits.turns_per_key';

/** A request that finds no room: what its client is told, and which limit it was. */
export interface Refusal {
  readonly error: ToolturnError;
  readonly limit: TurnsLimit;
}

/** Counts turns in work. A request is refused before the model is asked: that costs nobody anything. */
export class Overload {
  private active = 0;
  private readonly byScope = new Map<Scope, number>();

  constructor(private readonly limits: () => TurnsAtOnce) {}

  /** Turns in work now. */
  get inFlight(): number {
    return this.active;
  }

  /** What a new request of this caller gets; undefined where there is room. */
  refusal(scope: Scope): Refusal | undefined {
    const { all, perKey } = this.limits();
    if (this.active >= all) {
      return { error: failureError('turnsFull', { most: all }), limit: 'limits.turns' };
    }
    if (perKey === undefined || (this.byScope.get(scope) ?? 0) < perKey) return undefined;
    return { error: failureError('keyTurnsFull', { most: perKey }), limit: 'limits.turns_per_key' };
  }

  /** A turn begins; what is returned ends it. */
  enter(scope: Scope): () => void {
    this.active += 1;
    this.byScope.set(scope, (this.byScope.get(scope) ?? 0) + 1);
    return () => {
      this.active -= 1;
      const left = (this.byScope.get(scope) ?? 1) - 1;
      if (left > 0) this.byScope.set(scope, left);
      else this.byScope.delete(scope);
    };
  }
}
