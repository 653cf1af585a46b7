import type { Outcome, Round } from './dialect';
import type { TurnEvent } from './observer';
import { readTokens } from './usage';

/** Tells when a round begins and ends, and how long its calls ran while the model still wrote. */
export class RoundClock {
  private readonly from = performance.now();
  private readonly calls: { readonly began: number; ended?: number }[] = [];

  constructor(
    private readonly tell: ((event: TurnEvent) => void) | undefined,
    private readonly round: number,
  ) {
    tell?.({ type: 'round_started', round });
  }

  /** A call of this round has begun. */
  began(outcome: Promise<Outcome>): Promise<Outcome> {
    const call: (typeof this.calls)[number] = { began: performance.now() };
    this.calls.push(call);
    return outcome.finally(() => (call.ended = performance.now()));
  }

  /** The model has written the end of the round, with so many calls of the client's tools in it. */
  end(read: Round, theirs: number): void {
    const now = performance.now();
    const tokens = readTokens(read.usage);
    const eager = this.calls.reduce((sum, { began, ended }) => sum + ((ended ?? now) - began), 0);
    this.tell?.({
      type: 'round_finished',
      round: this.round,
      milliseconds: Math.round(now - this.from),
      ours: read.calls.length - theirs,
      theirs,
      ...(tokens === undefined ? {} : { tokens }),
      eagerMs: Math.round(eager),
    });
  }
}
