import { setImmediate as requestSent } from 'node:timers/promises';
import type { TurnAllowance, UsedUp } from './allowance';
import type { Approvals } from './approvals';
import type { ApprovalPolicy } from './approval-policy';
import type { CallContext, CallRunner, Gate } from './calls';
import type { Caller } from './caller';
import type { Dialect, OfferedTool, Outcome, OwnQuestion, Round, ToolCall } from './dialect';
import { ToolturnError } from './errors';
import { failureError, goOnWithout } from './failure-policy';
import type { JsonObject } from './json';
import { answerKeys, keptTurn, keptWaiting, questionKey, type Place, type Shown } from './memory';
import type { Limits } from './limits';
import { bothWatch, observedCall, type TurnEvent, type TurnFacts } from './observer';
import type { OfferBook } from './offer';
import type { FailureKind, HostTool, Ledger, Log, Scope, TraceContext } from './ports';
import type { FirstAnswer, Progress, Standing } from './repeats';
import type { ResultDelimiter } from './result-delimiter';
import { holdsNextPiece } from './result-text';
import { RoundClock } from './round-clock';
import { selects, type Selection } from './selection';
import {
  atTheEnd,
  limitNote,
  limitRefusal,
  limitText,
  limitTold,
  TurnBudget,
  type LimitEnd,
} from './turn-budget';
import { readTokens } from './usage';
import { contextOf, type TurnSpan } from './trace';
import { turnDeadline, type TurnDeadline } from './turn-deadline';
import { WorkReport, type CallWatch, type Work } from './work';

/** Gives the calls of one round as each becomes complete, then the round. */
export type Reading = AsyncGenerator<ToolCall, Round, undefined>;

/** How the model is asked: streaming and not differ here and nowhere else. */
export interface Asker {
  /** The round that LiteLLM has already made. */
  first(): Reading;
  /** The next round, through LiteLLM again. */
  ask(body: JsonObject, roundNumber: number, signal: AbortSignal): Reading;
  /** Resolves when LiteLLM has ended what it was asked, which nobody may have waited for. Never rejects. */
  settled(): Promise<unknown>;
}

/** A turn in which the model has answered once. */
export interface TurnStart {
  readonly id: string;
  readonly scope: Scope;
  readonly caller: Caller;
  readonly dialect: Dialect;
  /** The request as it went to the model, with our tools behind the client's. */
  readonly body: JsonObject;
  /** How many of the tools in `body` are the client's own. */
  readonly clientTools: number;
  /** What the request asked for; absent: everything. */
  readonly selection?: Selection;
  /** Where the request stands in its conversation. */
  readonly place: Place;
  /** The conversation's digest, for the ledger. */
  readonly conversation?: string;
  /** How it stands to a turn that it may repeat; absent: it repeats none. */
  readonly standing?: Standing;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Rejects where the client may not get this call of its own tool; absent: it gets every one. */
  readonly refuseClients?: (call: ToolCall) => Promise<void>;
  /** Told of tool work as it happens; absent where the client sees nothing of it. */
  readonly onWork?: (work: Work, roundNumber: number) => void;
  /** Told of everything that happens, for those who watch; absent: nobody does. */
  readonly tell?: (event: TurnEvent) => void;
  /** Marks what tools say; absent: it is not marked. */
  readonly delimiter?: ResultDelimiter;
  /** What its conversation and its key may still use; absent: no such limit is set. */
  readonly allowance?: Pick<TurnAllowance, 'begin' | 'look'>;
  /** True where people are asked in the dialect's own form. */
  readonly asksNatively?: true;
  /** What is known of the turn, for questions to people; absent: nobody is asked. */
  readonly facts?: TurnFacts;
  /** The client's trace; absent where it sent none. */
  readonly trace?: TraceContext;
  /** The turn's own span; absent: nobody collects traces, and servers get the client's. */
  readonly span?: TurnSpan;
}

export interface TurnDeps {
  readonly book: OfferBook;
  readonly runner: CallRunner;
  readonly ledger: Ledger;
  readonly ledgerTtlSeconds: number;
  /** False where the ledger is off: only what completes a handed-back call is kept then. */
  readonly remembersAnswers: boolean;
  readonly limits: Limits;
  readonly newGate: (parallel: number) => Gate;
  /** Which calls people are asked about, and who asks them; absent: none. */
  readonly approval?: { readonly policy: ApprovalPolicy; readonly approvals: Pick<Approvals, 'ask'> };
  readonly log: Log;
}

/** Why a turn ended. */
export type TurnEnd = 'answer' | 'handed_back' | 'approval' | LimitEnd;

export interface ReportedCall {
  readonly tool: string;
  readonly round: number;
  readonly ms: number;
  readonly failure?: FailureKind;
  /** True where a kept result was given and the server was not asked. */
  readonly cached?: boolean;
}

export interface TurnResult {
  readonly rounds: readonly Round[];
  readonly calls: readonly ReportedCall[];
  /** Calls of the client's own tools, for the client to run. */
  readonly handBack: readonly ToolCall[];
  /** Said by us where the model left the client without any text. */
  readonly note?: string;
  readonly end: TurnEnd;
  /** What a person is asked in the dialect's own form, and the same in words. */
  readonly question?: OwnQuestion & { readonly text: string };
  /** What the ledger keeps of the turn. */
  readonly kept?: JsonObject;
  /** Resolves when the ledger has it, and the store every outcome: before that the client must not see the end. Never rejects. */
  readonly keeping: Promise<void>;
  /** True where the answer is that of the turn which this one repeats. */
  readonly isRepeated?: true;
}

/**
 * Finishes one turn: runs the calls of each round, asks the model again with the results, and stops at an
 * answer, at a call that is the client's own, or at a limit, after which the model is asked once more without
 * tools. Throws `ToolturnError` when the model cannot be asked or the hard deadline passes.
 */
export async function runTurn(deps: TurnDeps, start: TurnStart, asker: Asker): Promise<TurnResult> {
  return new Turn(deps, start, asker).run();
}

/** A round, and those of its calls that are being run. */
interface ReadRound {
  readonly round: Round;
  readonly running: readonly Promise<Outcome>[];
}

class Turn {
  private readonly rounds: Round[] = [];
  private readonly reported: ReportedCall[] = [];
  private readonly offered: Set<string>;
  /** Offered from the round on in which a result was cut. */
  private readonly readMore: OfferedTool | undefined;
  private readonly isClients: (name: string) => boolean;
  private context: CallContext;
  private readonly work: WorkReport | undefined;
  /** Ends the turn whatever happens. */
  private readonly hard: AbortSignal;
  private readonly deadlines: readonly TurnDeadline[];
  private readonly budget: TurnBudget;
  /** The limit beyond this turn that has ended it. */
  private usedUp: UsedUp | undefined;
  private keeping: Promise<void> | undefined;
  private readonly begun: Promise<Outcome>[] = [];
  /** Outcomes on their way to the store: the model need not wait for them, the client's end does. */
  private readonly recordings: Promise<void>[] = [];

  constructor(
    private readonly deps: TurnDeps,
    private readonly start: TurnStart,
    private readonly asker: Asker,
  ) {
    const { limits, book } = deps;
    const { dialect, body, clientTools, caller, selection, signal } = start;
    const selected = (tool: HostTool): boolean => selects(selection, tool);
    this.offered = new Set(dialect.offered(body, clientTools));
    this.readMore = book.readMore(dialect.clientTools(dialect.withdraw(body, clientTools)).names, caller);
    this.isClients = clientNameTest(dialect, body, this.offered, clientTools);
    this.budget = new TurnBudget(limits);
    const soft = turnDeadline(signal, limits.turnMs);
    const hard = turnDeadline(signal, limits.turnMs + limits.answerMs);
    this.deadlines = [soft, hard];
    this.hard = hard.signal;
    this.context = {
      counted: {},
      turn: start.id,
      ...(start.standing === undefined ? {} : { origin: start.standing.origin }),
      ...(start.standing?.isDoubtful === undefined ? {} : { mayHaveRun: start.standing.isDoubtful }),
      scope: start.scope,
      caller,
      access: book.accessOf(caller),
      resolve: (name) =>
        this.offered.has(name) || name === this.readMore?.name
          ? book.resolve(caller, name, selected)
          : undefined,
      signal: soft.signal,
      ...(deps.approval === undefined ? {} : { asks: this.asking(deps.approval.policy) }),
      gate: deps.newGate(limits.parallel),
      ...(start.delimiter === undefined ? {} : { delimiter: start.delimiter }),
      toolLimit: (name) => this.budget.tool(name),
      takeBytes: (wanted) => this.budget.takeBytes(wanted),
      recording: (done) => void this.recordings.push(done),
      ...(start.trace === undefined ? {} : { trace: start.trace }),
    };
    this.work = start.onWork === undefined ? undefined : this.newReport(start.onWork);
  }

  async run(): Promise<TurnResult> {
    try {
      const result = await this.toItsEnd();
      // All calls have settled.
      void this.asker.settled().then(() => {
        for (const deadline of this.deadlines) deadline.clear();
      });
      return result;
    } catch (error) {
      // Calls that run have their time; what else is open nobody reads.
      void Promise.allSettled(this.begun).then(() => {
        for (const deadline of this.deadlines) deadline.end(error);
      });
      throw error;
    }
  }

  private async toItsEnd(): Promise<TurnResult> {
    let body = this.start.body;
    const first = await this.firstRound();
    if ('end' in first) return first;
    let roundNumber = 1;
    let read: ReadRound;
    if ('progress' in first) {
      body = this.goOn(first.progress);
      read = await this.ask(body, ++roundNumber);
    } else read = first;
    for (; ; roundNumber++) {
      const { round, running } = read;
      const theirs = this.theirs(round);
      const outcomes = await Promise.all(running);
      this.report(outcomes, roundNumber);
      const asked = theirs.length === 0 ? await this.question(body, round, outcomes) : undefined;
      if (asked !== undefined) return asked;
      // Nothing is left to run, or the client has to run something: the turn ends.
      if (outcomes.length === 0 || theirs.length > 0) {
        const kept = this.keepHidden(body, round, outcomes, theirs);
        return this.result(theirs.length > 0 ? 'handed_back' : 'answer', theirs, undefined, kept);
      }
      const wasCut = outcomes.some((outcome) => outcome.readsOn);
      const limit = await this.limit(roundNumber);
      const results = outcomes.map(asRead);
      const told = limit === undefined ? results : withLimitTold(results, limit.what);
      body = this.withReadMore(this.start.dialect.next(body, round, told), wasCut);
      if (limit !== undefined) return this.lastAnswer(body, roundNumber + 1, limit);
      const asking = this.ask(body, roundNumber + 1);
      const keeping = this.keepProgress(body);
      // Also where the model cannot be asked: what is kept of the end must come behind it.
      read = await asking.finally(() => keeping);
    }
  }

  /** Outcomes are kept already; this is what they belong to. The model need not wait for it: it is asked first. */
  private async keepProgress(body: JsonObject): Promise<void> {
    const { standing, dialect, body: startBody } = this.start;
    if (standing?.keep === undefined) return;
    const calls = this.deps.runner.made(this.context);
    await requestSent();
    await standing.keep({ added: dialect.added(startBody, body), calls });
  }

  private asking(policy: ApprovalPolicy): NonNullable<CallContext['asks']> {
    const { caller, selection } = this.start;
    return ({ name }, tool) => policy.expiry(caller, tool, name, selection);
  }

  /** Ends the turn with a question where calls wait for a person; the others have run. */
  private async question(
    body: JsonObject,
    round: Round,
    outcomes: readonly Outcome[],
  ): Promise<TurnResult | undefined> {
    const { dialect, body: startBody, conversation, scope, facts, caller } = this.start;
    const waiting = outcomes.flatMap(({ waits }) => waits ?? []);
    if (waiting.length === 0 || facts === undefined) return undefined;
    const asked = await this.deps.approval?.approvals.ask(
      facts,
      waiting.map(({ call }) => call),
      Math.min(...waiting.map(({ expiresSeconds }) => expiresSeconds)),
      caller.endUser,
    );
    if (asked === undefined) return undefined;
    const { code, calls } = asked;
    const native = this.start.asksNatively === true;
    const text = native ? '' : asked.text;
    const added = dialect.added(startBody, body);
    const readsOn = this.readsOn(outcomes);
    const kept = keptWaiting({ code, added, round, outcomes, note: text }, readsOn, conversation);
    await this.keep(this.shown([], text, true), kept, [questionKey(dialect.name, code)]);
    this.deps.log.info('a person is asked about calls', { turn: this.start.id, scope, code });
    return native
      ? { ...this.result('approval', [], undefined, kept), question: { code, calls, text: asked.text } }
      : this.result('approval', [], text, kept);
  }

  private readsOn(outcomes: readonly Outcome[]): boolean {
    const { readMore } = this;
    return (
      readMore !== undefined && (this.offered.has(readMore.name) || outcomes.some((each) => each.readsOn))
    );
  }

  private ask(body: JsonObject, roundNumber: number): Promise<ReadRound> {
    return this.readRound(
      this.asker.ask(body, roundNumber, this.hard),
      roundNumber,
      this.begins(roundNumber),
    );
  }

  /** The request with the rounds of the turn that this one repeats. */
  private goOn({ added, calls }: Progress): JsonObject {
    this.context = { ...this.context, made: calls, counted: {} };
    const body = this.start.dialect.withAdded(this.start.body, added);
    return this.withReadMore(body, holdsNextPiece(JSON.stringify(added)));
  }

  /**
   * The round that LiteLLM has made already. Where the turn repeats one, none of its calls begins before that one has
   * ended, and with an answer of that one it is over.
   */
  private async firstRound(): Promise<ReadRound | TurnResult | { readonly progress: Progress }> {
    const begin = this.begins(1);
    const answer = this.start.standing?.answer;
    if (answer === undefined) return this.readRound(this.asker.first(), 1, begin);
    const held: ToolCall[] = [];
    const { round } = await this.readRound(this.asker.first(), 1, (call) => void held.push(call));
    // Calls of its own the client must get from this turn; then ours get their outcomes one by one.
    if (this.theirs(round).length === 0) {
      const first = await this.inTime(() => answer(this.hard));
      if ('answer' in first) return this.repeat(round, first.answer);
      if (first.progress !== undefined) return { progress: first.progress };
    }
    return { round, running: held.map(begin) };
  }

  /** Ends the turn with the answer of the one that it repeats. */
  private repeat(round: Round, { texts, kept }: FirstAnswer): TurnResult {
    // What the model says before its first call it has said again.
    const rest = round.text.trim() === '' ? texts : texts.slice(1);
    const text = rest.filter((each) => each.trim() !== '').join('\n\n');
    const note = text === '' ? undefined : text;
    if (kept !== undefined) this.keeping = this.keep(this.shown([], note), kept);
    return { ...this.result('answer', [], note, kept), isRepeated: true };
  }

  /** A result was cut: from here on the model can ask for the rest. */
  private withReadMore(body: JsonObject, wasCut: boolean): JsonObject {
    const tool = this.readMore;
    if (tool === undefined || this.offered.has(tool.name) || !wasCut) return body;
    this.offered.add(tool.name);
    return { ...body, ...this.start.dialect.offer(body, [tool]).set };
  }

  /** Reads a round and starts each of our calls the moment it is complete. */
  private async readRound(
    reading: Reading,
    roundNumber: number,
    begin: (call: ToolCall) => Promise<Outcome> | undefined,
  ): Promise<ReadRound> {
    const running: Promise<Outcome>[] = [];
    const clock = this.clock(roundNumber);
    for (;;) {
      const step = await this.untilDeadline(reading);
      if (step.done === true) {
        this.rounds.push(step.value);
        this.budget.read(readTokens(step.value.usage));
        clock.end(step.value, this.theirs(step.value).length);
        return { round: step.value, running };
      }
      const isClients = this.isClients(step.value.name);
      if (isClients) await this.start.refuseClients?.(step.value);
      const begun = isClients ? undefined : begin(step.value);
      if (begun !== undefined) running.push(clock.began(begun));
    }
  }

  private begins(roundNumber: number): (call: ToolCall) => Promise<Outcome> {
    return (call) => {
      const running = this.begin(call, roundNumber);
      this.begun.push(running);
      return running;
    };
  }

  private clock(round: number): RoundClock {
    return new RoundClock(this.start.tell, round);
  }

  private theirs(round: Round): readonly ToolCall[] {
    return round.calls.filter((call) => this.isClients(call.name));
  }

  private untilDeadline(reading: Reading) {
    return this.inTime(() => reading.next());
  }

  private async inTime<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.hard.aborted && !this.start.signal.aborted) {
        throw failureError('turnDeadline', {}, { cause: error });
      }
      throw error;
    }
  }

  private async begin(call: ToolCall, roundNumber: number): Promise<Outcome> {
    const number = this.budget.begun;
    const watch = this.watch(call, roundNumber, number);
    const refusal = this.budget.begin(call) ?? (await this.beyond(call));
    const outcome =
      refusal === undefined
        ? await this.deps.runner.run(this.callContext(number), roundNumber, call, watch)
        : refusedCall(call, refusal);
    if (refusal === undefined) this.budget.settle(outcome);
    // A call that a person is asked about has not begun.
    if (outcome.waits === undefined) watch?.finished(outcome);
    return outcome;
  }

  /** What the model is told where its conversation or its key may use no more. */
  private async beyond(call: ToolCall): Promise<string | undefined> {
    const used = await this.start.allowance?.begin();
    if (used === undefined) return undefined;
    this.usedUp = used;
    this.budget.end(used.end);
    return limitRefusal(call, used.what);
  }

  private watch(call: ToolCall, round: number, number: number): CallWatch | undefined {
    const work = this.work?.watch(call, round);
    const { tell } = this.start;
    return tell === undefined
      ? work
      : bothWatch(
          observedCall(tell, call, { number, round }, () => this.context.resolve(call.name)),
          work,
        );
  }

  private callContext(number: number): CallContext {
    const { span } = this.start;
    return span === undefined ? this.context : { ...this.context, trace: contextOf(span, 'call', number) };
  }

  private newReport(report: (work: Work, roundNumber: number) => void): WorkReport {
    const { resolve } = this.context;
    const offered = () => [...this.offered].flatMap((name) => resolve(name) ?? []);
    return new WorkReport({ report, resolve, offered });
  }

  /** The limit by which tool work ends after this round. */
  private async limit(roundNumber: number): Promise<UsedUp | undefined> {
    // What was used counts, whatever else ends the turn.
    const used = (await this.start.allowance?.look()) ?? this.usedUp;
    const end = this.context.signal.aborted ? 'limit_seconds' : this.budget.reached(roundNumber);
    return end === undefined || end === used?.end ? used : { end, what: limitText(end, this.deps.limits) };
  }

  /** Asks once more without our tools, so that the client gets an answer. Calls of ours in it are not run. */
  private async lastAnswer(
    body: JsonObject,
    roundNumber: number,
    { end, what }: UsedUp,
  ): Promise<TurnResult> {
    const { dialect, clientTools } = this.start;
    this.deps.log.info('a limit of the turn is reached: asking for an answer without tools', {
      turn: this.start.id,
      end,
    });
    let round: Round;
    try {
      round = await this.readOnly(dialect.withdraw(body, clientTools), roundNumber);
    } catch (error) {
      // Some providers want tools declared as long as old calls stand in the conversation.
      if (!(error instanceof ToolturnError) || error.status !== 400) throw error;
      round = await this.readOnly(dialect.forbid(body), roundNumber);
    }
    this.rounds.push(round);
    const theirs = this.theirs(round);
    const notRun =
      theirs.length === 0
        ? []
        : round.calls
            .filter((call) => !theirs.includes(call))
            .map((call) => refusedCall(call, notRunAtEnd(call)));
    const silent = theirs.length === 0 && round.text.trim() === '';
    const note = silent ? limitNote(what) : undefined;
    const kept = this.keepHidden(body, round, notRun, theirs, note);
    return this.result(end, theirs, note, kept);
  }

  private async readOnly(body: JsonObject, roundNumber: number): Promise<Round> {
    const reading = this.asker.ask(body, roundNumber, this.hard);
    const clock = this.clock(roundNumber);
    for (;;) {
      const step = await this.untilDeadline(reading);
      if (step.done !== true) continue;
      clock.end(step.value, this.theirs(step.value).length);
      return step.value;
    }
  }

  /** Begins to keep what the client will not send back: it may answer or hang up as soon as it sees the end. */
  private keepHidden(
    body: JsonObject,
    round: Round,
    outcomes: readonly Outcome[],
    theirs: readonly ToolCall[],
    note?: string,
  ): JsonObject | undefined {
    // In a turn of one round the client has seen everything, unless calls of ours stood beside its own.
    if (this.rounds.length === 1 && outcomes.length === 0) return undefined;
    const { dialect, body: startBody, conversation } = this.start;
    const hidden = dialect.hidden({
      startBody,
      lastBody: body,
      lastRound: round,
      outcomes: outcomes.map(asRead),
      ...(note === undefined ? {} : { note }),
    });
    const kept = keptTurn(hidden, this.readsOn(outcomes), conversation);
    this.keeping = this.keep(this.shown(theirs, note), kept);
    return kept;
  }

  /** Keeps the hidden part of a turn under what the client can name of it. */
  private async keep(shown: Shown, kept: JsonObject, more: readonly string[] = []): Promise<void> {
    const { dialect, scope, place } = this.start;
    const keys = [...answerKeys(dialect.name, place, shown), ...more];
    if (keys.length === 0) return;
    await this.deps.ledger
      .keep(scope, keys, kept, this.deps.ledgerTtlSeconds)
      .catch((error: unknown) =>
        goOnWithout(this.deps.log, 'store', 'hidden', { turn: this.start.id, error }),
      );
  }

  /** What the client can name or send back of this turn. */
  private shown(theirs: readonly ToolCall[], note: string | undefined, isOpen = theirs.length > 0): Shown {
    if (isOpen || this.deps.remembersAnswers) {
      return {
        said: [...this.rounds.map((each) => each.text), note ?? ''].join(' '),
        calls: theirs,
        itemIds: this.rounds.flatMap((each) => each.itemIds ?? []),
      };
    }
    // With the ledger off the id a stream began with must still lead to the response that the provider knows whole.
    return { said: '', calls: [], itemIds: this.rounds.slice(0, 1).flatMap((each) => each.responseId ?? []) };
  }

  private report(outcomes: readonly Outcome[], round: number): void {
    for (const { call, ran, milliseconds, failure, cached, waits } of outcomes) {
      if (waits !== undefined) continue;
      this.reported.push({
        tool: (ran ?? call.name).slice(0, 128),
        round,
        ms: milliseconds,
        ...(failure === undefined ? {} : { failure }),
        ...(cached === true ? { cached } : {}),
      });
    }
  }

  private result(end: TurnEnd, handBack: readonly ToolCall[], note?: string, kept?: JsonObject): TurnResult {
    return {
      rounds: this.rounds,
      calls: this.reported,
      handBack,
      end,
      ...(note === undefined ? {} : { note }),
      ...(kept === undefined ? {} : { kept }),
      keeping: Promise.all([this.keeping, ...this.recordings]).then(() => undefined),
    };
  }
}

/** Which call names are the client's: its own names, and unknown ones where its list holds entries that are no functions. */
export function clientNameTest(
  dialect: Dialect,
  body: JsonObject,
  offered: ReadonlySet<string>,
  clientTools: number,
): (name: string) => boolean {
  const own = dialect.clientTools(dialect.withdraw(body, clientTools));
  return (name) => own.names.has(name) || (own.opaque && !offered.has(name));
}

/** What came of a call, as the model gets it. */
function asRead(outcome: Outcome): Outcome {
  return outcome.delimited === undefined ? outcome : { ...outcome, text: outcome.delimited };
}

/** The outcomes with a word to the model about the limit, unless one of them has it already. */
function withLimitTold(outcomes: readonly Outcome[], what: string): readonly Outcome[] {
  const last = outcomes.at(-1);
  if (last === undefined || outcomes.some(({ text }) => text.includes(atTheEnd))) return outcomes;
  return [...outcomes.slice(0, -1), { ...last, text: `${last.text}\n${limitTold(what)}` }];
}

function refusedCall(call: ToolCall, text: string): Outcome {
  return { call, text, failure: 'limit', milliseconds: 0 };
}

const notRunAtEnd = ({ name }: ToolCall): string =>
  `The tool ${name.slice(0, 128)} was not run: the limit of tool work in this turn is reached. ${atTheEnd}.`;
