import type { Observation } from '../core/observer';

/** What is known of a turn while it goes on. */
export interface LiveTurn {
  calls: number;
  failed: number;
  rounds: number;
  tokensIn: number;
  tokensOut: number;
  tokensCached: number;
  /** Of the rounds but the last. */
  hiddenIn: number;
  hiddenOut: number;
  lastIn: number;
  lastOut: number;
  heldMs: number;
  eagerMs: number;
  costTools: number;
  /** When the last round ended, as long as no other has begun. */
  roundEnded: number | undefined;
}

/** Turns that are followed at once; a turn beyond that is counted without what only following it can tell. */
const most = 5000;
const activeMs = 300_000;
const mostConversations = 20_000;

/** Follows the turns of this replica from beginning to end. */
export class LiveTurns {
  private readonly turns = new Map<string, LiveTurn>();
  private readonly conversations = new Map<string, number>();

  get inFlight(): number {
    return this.turns.size;
  }

  begin(turn: string): void {
    if (this.turns.size >= most) return;
    this.turns.set(turn, {
      calls: 0,
      failed: 0,
      rounds: 0,
      tokensIn: 0,
      tokensOut: 0,
      tokensCached: 0,
      hiddenIn: 0,
      hiddenOut: 0,
      lastIn: 0,
      lastOut: 0,
      heldMs: 0,
      eagerMs: 0,
      costTools: 0,
      roundEnded: undefined,
    });
  }

  get(turn: string | undefined): LiveTurn | undefined {
    return turn === undefined ? undefined : this.turns.get(turn);
  }

  end(turn: string): void {
    this.turns.delete(turn);
  }

  /** A conversation has sent a request. */
  active(conversation: string, at: number): void {
    this.conversations.delete(conversation);
    this.conversations.set(conversation, at);
    const [oldest] = this.conversations.keys();
    if (this.conversations.size > mostConversations && oldest !== undefined)
      this.conversations.delete(oldest);
  }

  /** Conversations with a request in the last five minutes. */
  activeConversations(now: number): number {
    for (const [conversation, at] of this.conversations) {
      if (at > now - activeMs) break;
      this.conversations.delete(conversation);
    }
    return this.conversations.size;
  }
}

/** How long the answer has stood still for tools since its last round ended; 0 where one goes on. */
export function heldUntil(live: LiveTurn, at: number): number {
  const since = live.roundEnded;
  live.roundEnded = undefined;
  const held = since === undefined ? 0 : Math.max(at - since, 0);
  live.heldMs += held;
  return held;
}

/** Takes note of a round that ended; what the round before it held is hidden from now on. */
export function roundEnded(
  live: LiveTurn,
  { tokens, eagerMs, at }: Extract<Observation, { type: 'round_finished' }>,
): { readonly hiddenIn: number; readonly hiddenOut: number } {
  const hidden = { hiddenIn: live.lastIn, hiddenOut: live.lastOut };
  live.rounds += 1;
  live.hiddenIn += hidden.hiddenIn;
  live.hiddenOut += hidden.hiddenOut;
  live.lastIn = tokens?.input ?? 0;
  live.lastOut = tokens?.output ?? 0;
  live.tokensIn += live.lastIn;
  live.tokensOut += live.lastOut;
  live.tokensCached += tokens?.cached ?? 0;
  live.eagerMs += eagerMs;
  live.roundEnded = at;
  return hidden;
}
