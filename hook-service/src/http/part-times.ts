import type { PartHealth } from '../core/ports';

/** Since when each part is in the state it is in; as exact as it is asked. */
export class PartTimes {
  private readonly seen = new Map<string, { state: string; since: string }>();

  constructor(private readonly now: () => number = Date.now) {}

  /** The parts, each with `since`: when it was first seen in this state, as an ISO time. */
  note(parts: Readonly<Record<string, PartHealth>>): Record<string, PartHealth> {
    for (const name of this.seen.keys()) if (!(name in parts)) this.seen.delete(name);
    return Object.fromEntries(
      Object.entries(parts).map(([name, part]) => {
        let known = this.seen.get(name);
        if (known?.state !== part.state) {
          known = { state: part.state, since: new Date(this.now()).toISOString() };
          this.seen.set(name, known);
        }
        return [name, { ...part, since: known.since }];
      }),
    );
  }
}
