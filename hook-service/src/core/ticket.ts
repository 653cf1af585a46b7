import { conversationOfTurn } from './conversation';
import type { Scope } from './ports';
import { turnObserver, type Observer, type RequestFacts, type TurnFacts } from './observer';

/** How long the door may use a ticket after it has heard of hook-service last, in milliseconds. */
export const ticketSilenceMs = 3_000;

/**
 * Says that the answer to a plain request holds for other plain requests of the same caller: for as long as `version`
 * is what hook-service says it is. Plain is a request that nothing but its caller, its model and its dialect decides
 * about: without tools and without a word about them. With one that has answers before it a ticket says too that nothing
 * is hidden in these.
 */
export interface Ticket {
  readonly version: string;
  /** The version of the config, for the turns that begin with it. */
  readonly config?: string;
  /** `belonging.ts`, with `*` where the turn stands. */
  readonly of: string;
  /** What makes a request one that hook-service has to see itself. */
  readonly unless: TicketLimits;
  /** What those who watch are told of each request, beside its own facts. */
  readonly facts: TicketFacts;
}

export interface TicketLimits {
  /** Beginnings of names of headers, lower case. */
  readonly headers: readonly string[];
  /** Words, lower case: all those of one list stand in the request's texts. */
  readonly words: readonly (readonly string[])[];
  /** The answer may be as long as this or shorter, in tokens. */
  readonly tokens: number;
}

export type TicketFacts = Pick<TurnFacts, 'scope' | 'dialect' | 'model' | 'keyAlias' | 'user' | 'team'> &
  Pick<RequestFacts, 'decision' | 'offered' | 'offeredTokens'>;

/** A request that the door answered by a ticket. */
export interface TicketRequest {
  readonly facts: TicketFacts;
  readonly stream: boolean;
  /** Absent: nothing was offered. */
  readonly turn?: string;
  readonly callId?: string;
  readonly client?: string;
  /** How long ago it came, in milliseconds. */
  readonly ageMs: number;
}

/** Which tickets count now. */
export interface TicketState {
  readonly version: string;
  /** Callers whose requests are refused for now, or everybody: hook-service says so to each. */
  readonly full: readonly Scope[] | true;
}

/** Who waits for changes. */
export interface TicketFollower {
  changed(state: TicketState): void;
  /** No more is said. */
  ended(): void;
}

export interface TicketWatch {
  /** An object that is another one when tools have changed, whether anybody said so or not. */
  tools(): unknown;
  full(): TicketState['full'];
}

/**
 * Says which tickets count. The version names everything that answers before the call depend on beside the request: the
 * config, and the tools there are. Tickets of an older version, or of another process, are worth nothing.
 */
export class Tickets {
  private number = 0;
  private seen: unknown;
  private readonly followers = new Set<TicketFollower>();
  private isEnded = false;

  constructor(
    private readonly process: string,
    private readonly watch: TicketWatch,
  ) {}

  get state(): TicketState {
    const tools = this.watch.tools();
    if (tools !== this.seen) {
      this.seen = tools;
      this.change();
    }
    return this.now;
  }

  get following(): number {
    return this.followers.size;
  }

  /** All tickets end. */
  change(): void {
    this.number += 1;
    this.tell();
  }

  /** Others are full now. */
  tell(): void {
    for (const follower of this.followers) follower.changed(this.now);
  }

  /** Tells of every change from now on; what is returned ends that. */
  follow(follower: TicketFollower): () => void {
    if (this.isEnded) follower.ended();
    else this.followers.add(follower);
    return () => this.followers.delete(follower);
  }

  /** Nobody is told anything any more, and so no ticket is used. */
  end(): void {
    this.isEnded = true;
    for (const follower of this.followers) follower.ended();
    this.followers.clear();
  }

  private get now(): TicketState {
    return { version: `${this.process}.${this.number}`, full: this.watch.full() };
  }
}

/** Tells those who watch of a request that the door answered. */
export function observeRequest(observer: Observer, request: TicketRequest): void {
  const { facts, stream, turn, callId, client, ageMs } = request;
  const { decision, offered, offeredTokens, ...caller } = facts;
  turnObserver(
    observer,
    {
      ...caller,
      stream,
      ...(turn === undefined ? {} : { turn, conversation: conversationOfTurn(turn) }),
      ...(callId === undefined ? {} : { callId }),
      ...(client === undefined ? {} : { client }),
    },
    () => Date.now() - ageMs,
  )({
    type: 'request',
    request: {
      ...{ decision, offered, offeredTokens },
      ...{ milliseconds: 0, ledgerHits: 0, ledgerMisses: 0, restoredBytes: 0 },
    },
  });
}
