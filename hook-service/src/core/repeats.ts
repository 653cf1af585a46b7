import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { goOnWithout } from './failure-policy';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { FirstTurn, FoundTurn, Log, Scope, TurnStore } from './ports';
import type { RepeatMark } from './repeat-mark';
import type { RunningHere } from './running-here';

/** What a repetition of a turn is given of it. */
export interface FirstAnswer {
  /** What the client was to see, by rounds, a note of ours last. */
  readonly texts: readonly string[];
  /** What the ledger keeps of the turn; absent where it keeps nothing. */
  readonly kept?: JsonObject;
}

/** How far a turn came before it was lost or failed. */
export interface Progress {
  /** What its rounds added to the request. */
  readonly added: readonly Json[];
  /** How often it made each call, by the digest of what it does. */
  readonly calls: Readonly<Record<string, number>>;
}

/** How a turn that has calls to run stands to a turn before it. */
export interface Standing {
  /** The turn in whose name calls are claimed: the first one, where this one repeats it. */
  readonly origin: string;
  /**
   * Whether what was done before may have been lost with the store, as far as it has been there until now. Only where
   * the client says that it tries again, or another replica began the turn.
   */
  readonly isDoubtful?: () => boolean;
  /**
   * Only where this turn repeats one: waits for the end of that one and gives its answer. Where it has none to give,
   * this turn has to come to its own, and goes on from where that one stood. Rejects when `signal` aborts.
   */
  readonly answer?: (signal: AbortSignal) => Promise<{ answer: FirstAnswer } | { progress?: Progress }>;
  /** Keeps how far this turn has come. Never rejects. */
  readonly keep?: (progress: Progress) => Promise<void>;
  /** Keeps how this turn ended, before its client sees the end. Never rejects. */
  readonly end?: (end: RepeatableEnd) => Promise<void>;
}

/** How a turn ended. */
export interface RepeatableEnd {
  readonly state: 'answered' | 'ended';
  /** Absent where the client got calls of its own to run. */
  readonly answer?: FirstAnswer;
  /** False where the one who asked had gone by then. */
  readonly delivered: boolean;
}

export interface RepeatsDeps {
  readonly store: TurnStore;
  readonly here: RunningHere;
  /** How long a turn that has ended is known; absent: no turn is looked for. */
  readonly windowSeconds?: number;
  /** The longest that a turn may take. */
  readonly turnMs: number;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** How often the end of a turn is looked for. */
const pollMs = 250;

/** How long the store may be away before a turn counts as unknown: as long as it is waited for one of a dead replica. */
const patienceMs = 10_000;

const storedAnswer = z.object({
  texts: z.array(z.string()),
  kept: z.custom<JsonObject>((value) => isJsonObject(value as Json)).exactOptional(),
});
const storedProgress = z.object({
  added: z.array(z.custom<Json>()),
  calls: z.record(z.string(), z.number().int().min(0)),
});

/**
 * Knows a client's own retry, so that it joins the turn that it repeats or gets that one's answer. A request is one
 * when its conversation and what it asks for are the same, and
 * - the first turn still runs, or ran when the request came; or
 * - the client says so: a retry count above 0, or the same `Idempotency-Key`; or
 * - the first turn ended in an error, or with nobody there to take its answer; or its replica died.
 * Otherwise the same is asked again on purpose, and the turn is a new one.
 */
export class Repeats {
  constructor(private readonly deps: RepeatsDeps) {}

  /** To be asked before the first call of a turn runs. Never rejects: without a store every turn is a new one. */
  async standing(scope: Scope, turn: string, mark: RepeatMark | undefined): Promise<Standing> {
    if (mark === undefined || this.deps.windowSeconds === undefined) return { origin: turn };
    const { store, log } = this.deps;
    try {
      const first = await store.begin(scope, mark.state, turn, this.runningTtl);
      if (first === undefined || first.turn === turn) {
        const begun = this.begun(scope, mark, turn);
        return mark.isRetry === true ? { ...begun, isDoubtful: () => !this.knowsAll(mark) } : begun;
      }
      if (!repeats(mark, first)) {
        await this.put(scope, mark, { turn, state: 'running' });
        return this.begun(scope, mark, turn);
      }
      log.info('a request repeats a turn', { turn, first: first.turn, first_state: stateOf(first) });
      const repeating = this.repeating(scope, mark, first.turn);
      // What another replica claimed while the store was away it alone knew.
      return first.where === 'here' ? repeating : { ...repeating, isDoubtful: () => !this.knowsAll(mark) };
    } catch (error) {
      goOnWithout(log, 'store', 'repeat', { turn, error });
      return { origin: turn };
    }
  }

  private repeating(scope: Scope, mark: RepeatMark, first: string): Standing {
    let isOurs = false;
    const own = this.standingOf(scope, mark, first);
    return {
      ...own,
      // A turn that runs elsewhere is not ended by one that has waited for it in vain.
      end: async (end) => (isOurs ? own.end(end) : undefined),
      answer: async (signal) => {
        const last = await this.last(scope, mark, first, signal);
        const answered = last?.state === 'answered' ? storedAnswer.safeParse(last.answer) : undefined;
        if (answered?.success === true) return { answer: answered.data };
        const came = storedProgress.safeParse(last?.progress);
        const progress = came.success ? came.data : undefined;
        // From here on the first turn is this one's to finish: whoever repeats it too joins.
        isOurs = true;
        this.deps.here.turns.add(first);
        await (progress === undefined
          ? this.put(scope, mark, { turn: first, state: 'running' })
          : own.keep(progress));
        return progress === undefined ? {} : { progress };
      },
    };
  }

  /** Whether the store has been there since the first try of this request can have begun. */
  private knowsAll(mark: RepeatMark): boolean {
    return this.wasThereSince(mark.at - this.deps.turnMs);
  }

  /** `time`: milliseconds since 1970. */
  private wasThereSince(time: number): boolean {
    return this.deps.store.knowsAllSince?.(time) ?? true;
  }

  /** A turn of this process, which others may repeat from now on. */
  private begun(scope: Scope, mark: RepeatMark, turn: string): Standing {
    this.deps.here.turns.add(turn);
    return this.standingOf(scope, mark, turn);
  }

  private standingOf(
    scope: Scope,
    mark: RepeatMark,
    turn: string,
  ): Required<Omit<Standing, 'answer' | 'isDoubtful'>> {
    let progress: { progress: JsonObject } | undefined;
    return {
      origin: turn,
      keep: async ({ added, calls }) => {
        progress = { progress: { added: [...added], calls: { ...calls } } };
        await this.put(scope, mark, { turn, state: 'running', ...progress });
      },
      end: async ({ state, answer, delivered }) => {
        const end = { turn, state, endedAt: this.now(), delivered };
        const rest = answer === undefined ? progress : { answer: { ...answer, texts: [...answer.texts] } };
        await this.put(scope, mark, { ...end, ...rest });
        this.deps.here.turns.delete(turn);
      },
    };
  }

  private async put(scope: Scope, mark: RepeatMark, turn: FirstTurn): Promise<void> {
    const { store, log, windowSeconds = 0 } = this.deps;
    await store
      .put(scope, mark.state, turn, turn.state === 'running' ? this.runningTtl : windowSeconds)
      .catch((error: unknown) => goOnWithout(log, 'store', 'turn', { turn: turn.turn, error }));
  }

  /** The turn when nothing comes of it any more; undefined where it is not known (any more), or the store is away. */
  private async last(
    scope: Scope,
    mark: RepeatMark,
    turn: string,
    signal: AbortSignal,
  ): Promise<FoundTurn | undefined> {
    const { store, here } = this.deps;
    let answeredAt = this.now();
    for (;;) {
      const askedAt = this.now();
      const found = await store.read(scope, mark.state).catch(() => undefined);
      if (found === undefined) {
        if (this.wasThereSince(askedAt) || askedAt - answeredAt > patienceMs) return undefined;
      } else {
        answeredAt = askedAt;
        if (found.turn !== turn) return undefined;
        if (found.state !== 'running') return found;
        // What is said to run here and does not was lost between two reads of the store.
        const isHere = found.where === 'here' && here.turns.has(turn);
        if (!isHere && found.where !== 'elsewhere') return found;
      }
      await pause(pollMs, undefined, { signal });
    }
  }

  /** Seconds for which a turn is known that runs: as long as it may, and the window behind it. */
  private get runningTtl(): number {
    return Math.ceil(this.deps.turnMs / 1000) + (this.deps.windowSeconds ?? 0);
  }

  private now(): number {
    return (this.deps.now ?? Date.now)();
  }
}

/** Whether the request of this mark repeats that turn; their states are the same. */
function repeats(mark: RepeatMark, first: FirstTurn): boolean {
  if (first.state !== 'answered' || first.delivered === false) return true;
  return mark.isMarked || mark.at < (first.endedAt ?? 0);
}

function stateOf(first: FoundTurn): string {
  return first.state === 'running' && first.where === 'dead' ? 'lost' : first.state;
}
