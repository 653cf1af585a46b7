import type { Allowances } from './allowance';
import { approvedText, type Approvals } from './approvals';
import type { ApprovalPolicy } from './approval-policy';
import type { CallContext, CallRunner, Gate } from './calls';
import { scopeOf } from './caller';
import type { Dialect, History, Outcome } from './dialect';
import type { HookRequest } from './hooks';
import type { KeptQuestion } from './kept-question';
import type { Limits } from './limits';
import { observedCall, turnObserver, type Observer, type TurnFacts } from './observer';
import type { OfferBook } from './offer';
import { selects, type Selection } from './selection';
import { traceOf } from './trace';

export interface ResumptionDeps {
  readonly approvals: Pick<Approvals, 'answer'>;
  readonly policy: ApprovalPolicy;
  readonly runner: CallRunner;
  readonly book: OfferBook;
  readonly limits: Limits;
  readonly newGate: (parallel: number) => Gate;
  readonly observer: Observer;
  /** What callers have used up; absent: no such limit is set. */
  readonly allowances?: Pick<Allowances, 'refusal'>;
}

/** A request that comes behind a question. */
export interface Reply {
  readonly dialect: Dialect;
  readonly request: HookRequest;
  /** The turn that the request begins. */
  readonly turn: string;
  readonly history: History;
  readonly waits: KeptQuestion;
  readonly conversation?: string;
  readonly selection?: Selection;
}

/** Takes a turn up again that ended with a question, when the conversation goes on. */
export class Resumption {
  constructor(private readonly deps: ResumptionDeps) {}

  /**
   * What all calls of the waiting round have come to: those that a person approved are run now, each once however often
   * it is approved. `wait` where calls have to run and the door does not wait yet. Never rejects.
   */
  async outcomes(reply: Reply): Promise<readonly Outcome[] | 'wait'> {
    const { request, waits, history } = reply;
    const { caller } = request;
    const name = caller.user ?? caller.alias;
    const settled = await this.deps.approvals.answer(
      {
        scope: scopeOf(caller),
        ...(caller.endUser === undefined ? {} : { endUser: caller.endUser }),
        ...(name === undefined ? {} : { name }),
      },
      waits.code,
      history.asked,
      reply.dialect.replies?.(request.body, waits.code),
    );
    if (settled.run.size > 0 && request.mayWait !== true) return 'wait';
    const context = this.contextOf(reply);
    const used = settled.run.size > 0 ? await this.deps.allowances?.refusal(context.scope) : undefined;
    let position = 0;
    const runs = waits.outcomes.map(async (outcome, index): Promise<Outcome> => {
      if (outcome.waits === undefined) return outcome;
      const isApproved = settled.run.has(position++);
      if (isApproved && used !== undefined) {
        const text = `This call was approved and not run: the limit of ${used.what} is reached. Say so.`;
        return { call: outcome.call, text, failure: 'limit', milliseconds: 0 };
      }
      if (isApproved) return this.run(reply, context, outcome, index);
      return { call: outcome.call, text: settled.text, failure: 'denied', milliseconds: 0 };
    });
    return Promise.all(runs);
  }

  private async run(
    { request, dialect, turn, conversation }: Reply,
    context: CallContext,
    { call }: Outcome,
    number: number,
  ): Promise<Outcome> {
    const { caller, body } = request;
    const facts: TurnFacts = {
      turn,
      scope: context.scope,
      dialect: dialect.name,
      stream: body['stream'] === true,
      model: typeof body['model'] === 'string' ? body['model'].slice(0, 128) : '',
      ...(request.callId === undefined ? {} : { callId: request.callId }),
      ...(conversation === undefined ? {} : { conversation }),
      ...(caller.alias === undefined ? {} : { keyAlias: caller.alias }),
      ...(caller.user === undefined ? {} : { user: caller.user }),
      ...(caller.team === undefined ? {} : { team: caller.team }),
      ...(context.trace === undefined ? {} : { trace: context.trace }),
    };
    // The round before the first one of this turn.
    const watch = observedCall(turnObserver(this.deps.observer, facts), call, { number, round: 0 });
    const outcome = await this.deps.runner.run(context, 0, call, watch);
    watch.finished(outcome);
    if (outcome.waits !== undefined) return { ...outcome, text: changedText };
    return { ...outcome, text: `${approvedText}${outcome.text}` };
  }

  /** As in the turn that asked, with the rights that the caller has now. */
  private contextOf({ request, turn, waits, selection }: Reply): CallContext {
    const { book, limits, newGate, policy } = this.deps;
    const { caller } = request;
    const approved = new Set(waits.outcomes.flatMap((outcome) => outcome.waits?.call.digest ?? []));
    const selected =
      selection === undefined ? undefined : (tool: Parameters<typeof selects>[1]) => selects(selection, tool);
    const trace = traceOf(request.headers);
    return {
      counted: {},
      turn,
      // By it the calls are known, whoever runs them and however often.
      origin: `question:${waits.code}`,
      strict: true,
      scope: scopeOf(caller),
      caller,
      access: book.accessOf(caller),
      resolve: (name) => book.resolve(caller, name, selected),
      asks: (call, tool) =>
        approved.has(call.digest) ? undefined : (policy.expiry(caller, tool, call.name, selection) ?? 1),
      signal: AbortSignal.timeout(limits.callMaxMs + 5_000),
      gate: newGate(limits.parallel),
      ...(trace === undefined ? {} : { trace }),
    };
  }
}

const changedText =
  'This call was not run: the tool has changed since a person was asked, so the call would not be the one that was approved. Make it again: the person is asked again.';
