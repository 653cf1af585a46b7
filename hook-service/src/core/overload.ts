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

/** Callers that are named one by one. */
const mostNamed = 64;

/** Counts turns in work. A request is refused before the model is asked: that costs nobody anything. */
export class Overload {
  private active = 0;
  private readonly byScope = new Map<Scope, number>();

  /** `onChange` is called when `full` has changed. */
  constructor(
    private readonly limits: () => TurnsAtOnce,
    private readonly onChange: () => void = () => undefined,
  ) {}

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

  /** Callers whose requests are refused now; true: everybody's are, or those of many. */
  get full(): readonly Scope[] | true {
    const { all, perKey = Infinity } = this.limits();
    if (this.active >= all) return true;
    if (perKey === Infinity) return [];
    const full = [...this.byScope].filter(([, turns]) => turns >= perKey).map(([scope]) => scope);
    return full.length > mostNamed ? true : full;
  }

  /** A turn begins; what is returned ends it. */
  enter(scope: Scope): () => void {
    this.count(scope, 1);
    return () => this.count(scope, -1);
  }

  private count(scope: Scope, turns: 1 | -1): void {
    const before = this.refusal(scope)?.limit;
    this.active += turns;
    const now = (this.byScope.get(scope) ?? 0) + turns;
    if (now > 0) this.byScope.set(scope, now);
    else this.byScope.delete(scope);
    if (this.refusal(scope)?.limit !== before) this.onChange();
  }
}
