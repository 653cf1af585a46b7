import { readBelonging } from './belonging';
import { scopeOf, type Caller } from './caller';
import type { Observer } from './observer';
import type { Tokens } from './usage';

/** One call of a model, as LiteLLM logged it. */
export interface LoggedCall {
  /** LiteLLM's id of the call and when it began, in its own words: together they name the call. */
  readonly id: string;
  readonly began: string;
  /** The door's word for what the call belongs to (`belonging.ts`). */
  readonly of?: string;
  readonly caller: Pick<Caller, 'key' | 'alias' | 'user' | 'team'>;
  /** The model's public name. */
  readonly model: string;
  readonly failed: boolean;
  readonly costUsd: number;
  readonly tokens: Tokens;
  readonly milliseconds: number;
  readonly cacheHit: boolean;
}

/** Calls that are remembered, so that none counts twice. */
const remembered = 20_000;

/** Tells those who watch what LiteLLM has logged: each call once, whoever reports it. */
export class Spending {
  /** By the name of a call: whether its turn was known. */
  private readonly seen = new Map<string, boolean>();

  constructor(private readonly observer: Observer) {}

  logged(call: LoggedCall, now = Date.now()): void {
    const { caller, model, failed, costUsd, tokens, milliseconds, cacheHit } = call;
    const of = call.of === undefined ? undefined : readBelonging(call.of);
    const name = `${call.id}\0${call.began}`;
    const before = this.seen.get(name);
    // The second report is news only if it knows the turn and the first one did not.
    if (before === true || (before === false && of === undefined)) return;
    this.remember(name, of !== undefined);
    this.observer.observe({
      type: 'model_called',
      at: now,
      of: {
        scope: scopeOf(caller),
        dialect: 'litellm',
        stream: false,
        model: model.slice(0, 128),
        ...(caller.alias === undefined ? {} : { keyAlias: caller.alias }),
        ...(caller.user === undefined ? {} : { user: caller.user }),
        ...(caller.team === undefined ? {} : { team: caller.team }),
        ...(of?.turn === undefined ? {} : { turn: of.turn }),
        ...(of?.conversation === undefined ? {} : { conversation: of.conversation }),
      },
      model: {
        ...(of?.turn === undefined ? {} : { round: of.round }),
        restored: of?.restored === true,
        failed,
        milliseconds,
        tokens,
        costUsd,
        cacheHit,
        again: before === false,
      },
    });
  }

  private remember(name: string, known: boolean): void {
    this.seen.set(name, known);
    const [oldest] = this.seen.keys();
    if (this.seen.size > remembered && oldest !== undefined) this.seen.delete(oldest);
  }
}
