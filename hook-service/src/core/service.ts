import type { Allowances } from './allowance';
import { Arming, rejected, type Armed, type ArmingDeps } from './arming';
import { streamAsker, wholeAsker, type Continuation } from './askers';
import type { OpenDoor } from './early-answers';
import { writeBelonging } from './belonging';
import { scopeOf, type Caller } from './caller';
import { continuationOf } from './continuation';
import type { Dialect, ToolCall } from './dialect';
import { ToolturnError } from './errors';
import { failureError, logFailure } from './failure-policy';
import { HeldSink } from './held-sink';
import {
  modelOf,
  type BegunTurn,
  type ChunkSink,
  type HookRequest,
  type PostCallAnswer,
  type PreCallAnswer,
  type TurnHooks,
  type TurnMark,
} from './hooks';
import { identifyHeader, identifyStatus, questionOf, sealIdentity } from './identify';
import type { JsonObject } from './json';
import { keptAlive, workWriter } from './keep-alive';
import { markHeader, signMark, verifyMark } from './mark';
import { turnObserver, type Observer, type TurnEvent, type TurnFacts } from './observer';
import type { Overload } from './overload';
import type { Carrier, Upstream } from './ports';
import { contextOf, traceOf, turnSpan, type TurnSpan } from './trace';
import { observeRequest, type Ticket, type Tickets } from './ticket';
import type { Work } from './work';
import type { FirstAnswer, Repeats } from './repeats';
import { ResultDelimiter, type DelimitPolicy } from './result-delimiter';
import { withServerHeaders } from './server-headers';
import { clientNameTest, runTurn, type Asker, type TurnDeps, type TurnResult, type TurnStart } from './turn';

export interface ServiceDeps extends TurnDeps, ArmingDeps {
  readonly dialects: readonly Dialect[];
  readonly upstream: Upstream;
  /** The header LiteLLM reads keys from by config (`general_settings.litellm_key_header_name`). */
  readonly keyHeaderName?: string;
  /** The first signs; all are accepted. */
  readonly secrets: readonly [string, ...string[]];
  readonly keepAliveMs: number;
  /** How many turns may be in work. */
  readonly overload: Overload;
  /** Knows a client's own retries. */
  readonly repeats: Repeats;
  /** Told of everything that happens in turns. */
  readonly observer: Observer;
  /** Tools whose results are marked as data. */
  readonly delimit: DelimitPolicy;
  /** What conversations and keys may use over time; absent: as much as they like. */
  readonly allowances?: Pick<Allowances, 'open'>;
  /** True where traces are collected: requests carry the ids of our spans then, and else the client's. */
  readonly traced?: boolean;
  /** Whether a turn's next rounds are asked by way of the door, where it can. */
  readonly asksTheDoor: boolean;
  /** Absent: the door is given none. */
  readonly tickets?: Pick<Tickets, 'state'>;
}

/** Answers LiteLLM's hooks: arms a request before the call, finishes the turn after it. */
export class TurnService implements TurnHooks {
  private readonly arming: Arming;

  constructor(private readonly deps: ServiceDeps) {
    this.arming = new Arming(deps);
  }

  /** Turns being worked on now. */
  get inFlight(): number {
    return this.deps.overload.inFlight;
  }

  /** Before the model is called: puts hidden rounds back and adds the offer. */
  async preCall(request: HookRequest): Promise<PreCallAnswer> {
    const { secrets } = this.deps;
    const question = questionOf(secrets, request.headers[identifyHeader] ?? '');
    if (question !== undefined) {
      // hook-service itself, or another replica, asks whose key this is: the answer goes back through LiteLLM.
      return {
        action: 'reject',
        status: identifyStatus,
        message: sealIdentity(secrets[0], question, request.caller),
      };
    }
    const dialect = this.dialectFor(request.path);
    if (dialect === undefined) return { action: 'pass', reason: 'not a path on which turns are finished' };
    const mark = request.headers[markHeader];
    if (mark !== undefined && verifyMark(secrets, mark, request.caller.key ?? '') !== undefined) {
      return { action: 'pass', reason: 'the turn is already in hand' };
    }
    return this.armed(dialect, request);
  }

  private async armed(dialect: Dialect, request: HookRequest): Promise<PreCallAnswer> {
    const begun = performance.now();
    // Before anything is decided: what changes in the meantime ends the ticket.
    const version = request.wantsTicket === true ? this.deps.tickets?.state.version : undefined;
    const busy = request.mayWait === true ? undefined : this.busy(request);
    const { answer, facts, turn, conversation, lends } = busy ?? (await this.arm(dialect, request));
    // It comes again at once.
    if (answer.action === 'wait') return answer;
    const of = factsOf(request, {
      scope: scopeOf(request.caller),
      dialect: dialect.name,
      stream: request.body['stream'] === true,
      ...(turn === undefined ? {} : { turn }),
      ...(conversation === undefined ? {} : { conversation }),
      ...(request.callId === undefined ? {} : { call_id: request.callId }),
    });
    turnObserver(
      this.deps.observer,
      of,
    )({
      type: 'request',
      request: { ...facts, milliseconds: since(begun) },
    });
    if (lends === undefined || version === undefined) return answer;
    const { scope, model, keyAlias, user, team } = of;
    const { decision, offered, offeredTokens } = facts;
    const ticket: Ticket = {
      version,
      ...lends,
      facts: {
        ...{ scope, dialect: of.dialect, model, decision, offered, offeredTokens },
        ...(keyAlias === undefined ? {} : { keyAlias }),
        ...(user === undefined ? {} : { user }),
        ...(team === undefined ? {} : { team }),
      },
    };
    return { ...answer, ticket };
  }

  /** The mark of a turn; of one that the door began by a ticket it is worked out now. */
  private markOf(dialect: Dialect, request: HookRequest, turn: TurnMark | BegunTurn): TurnMark {
    if (!('ageMs' in turn)) return turn;
    if (turn.request !== undefined) observeRequest(this.deps.observer, turn.request);
    const body = turn.asked ?? dialect.withdraw(request.body, 0);
    return this.arming.markOf(dialect, { ...request, body }, turn);
  }

  private async arm(dialect: Dialect, request: HookRequest): Promise<Armed> {
    if (request.mayWait !== true) return this.arming.arm(dialect, request);
    // Calls may run: it counts like a turn, so that a stop waits for it.
    const leave = this.deps.overload.enter(scopeOf(request.caller));
    return this.arming.arm(dialect, request).finally(leave);
  }

  /** What a request gets while there are too many turns; undefined where there are not. */
  private busy(request: HookRequest): Armed | undefined {
    const refusal = this.deps.overload.refusal(scopeOf(request.caller));
    if (refusal === undefined) return undefined;
    const { status, message, retryAfterSeconds: retryAfter } = refusal.error;
    return rejected(
      { action: 'reject', status, message, ...(retryAfter === undefined ? {} : { retryAfter }) },
      refusal.limit,
    );
  }

  /** After the model's answer, not streaming. Undefined when nothing in it is ours. */
  async postCall(
    request: HookRequest,
    turn: TurnMark | BegunTurn,
    response: JsonObject,
    signal: AbortSignal,
    door?: OpenDoor,
  ): Promise<PostCallAnswer | undefined> {
    const dialect = this.dialectOf(request.path);
    const mark = this.markOf(dialect, request, turn);
    const { isClients } = this.names(dialect, request, mark);
    const round = dialect.read(response, mark.turn, 1);
    if (round.calls.every((call) => isClients(call.name))) {
      for (const call of round.calls) await this.refuseClients(request, call);
      return undefined;
    }
    const asker = wholeAsker({
      dialect,
      turn: mark.turn,
      first: response,
      upstream: this.deps.upstream,
      continuation: this.continuation(request, mark, door?.carrier),
      ...(door === undefined ? {} : { early: door.early }),
    });
    const rounds: Work[][] = [];
    const result = await this.run(request, mark, dialect, asker, false, signal, (work, roundNumber) =>
      (rounds[roundNumber - 1] ??= []).push(work),
    );
    const { surface } = mark;
    const work = surface === undefined ? undefined : { turn: mark.turn, surface, rounds };
    return {
      response: dialect.finish(result.rounds, result.handBack, result.note, isClients, work, result.question),
      rounds: result.rounds.length,
      calls: result.calls.length,
      ...(result.end.startsWith('limit') ? { limit: result.end } : {}),
    };
  }

  /**
   * The rest of a stream, from the first tool call on. Every chunk for the client goes to `sink`; an error ends
   * the stream with one error chunk in the dialect's own form and is not thrown.
   */
  async stream(
    request: HookRequest,
    turn: TurnMark | BegunTurn,
    seen: readonly JsonObject[],
    chunks: AsyncIterable<JsonObject>,
    sink: ChunkSink,
    signal: AbortSignal,
    carrier?: Carrier,
  ): Promise<void> {
    const dialect = this.dialectOf(request.path);
    const mark = this.markOf(dialect, request, turn);
    const joiner = dialect.join({
      turn: mark.turn,
      isClients: this.names(dialect, request, mark).isClients,
      body: request.body,
      wantsUsage: mark.wantsUsage,
      ...(mark.surface === undefined ? {} : { surface: mark.surface }),
    });
    joiner.seen(seen);
    const held = this.mayRefuse(dialect, request, mark) ? new HeldSink(sink) : undefined;
    const alive = keptAlive(held ?? sink, joiner, this.deps.keepAliveMs);
    const work = workWriter(joiner, alive);
    try {
      const asker = streamAsker({
        joiner,
        first: chunks,
        sink: alive,
        ...(held === undefined ? {} : { held }),
        ...(request.isWatched === undefined ? {} : { toTheEnd: request.isWatched }),
        upstream: this.deps.upstream,
        continuation: this.continuation(request, mark, carrier),
      });
      const result = await this.run(request, mark, dialect, asker, true, signal, work.write);
      work.close();
      for (const chunk of result.note === undefined ? [] : joiner.note(result.note)) await alive.write(chunk);
      const question = result.question === undefined ? [] : (joiner.ask?.(result.question) ?? []);
      for (const chunk of question) await alive.write(chunk);
      for (const chunk of joiner.finish()) await alive.write(chunk);
    } catch (error) {
      // Calls of a turn that failed may still come to their end.
      work.close();
      const problem = shown(error);
      if (problem.code === 'forbidden') held?.drop();
      else await held?.release();
      for (const chunk of joiner.fail?.(problem) ?? [dialect.error(problem)]) await alive.write(chunk);
    } finally {
      alive.stop();
    }
  }

  private async run(
    request: HookRequest,
    mark: TurnMark,
    dialect: Dialect,
    asker: Asker,
    stream: boolean,
    signal: AbortSignal,
    onWork: (work: Work, roundNumber: number) => void,
  ): Promise<TurnResult> {
    const begun = performance.now();
    const base = {
      turn: mark.turn,
      scope: scopeOf(request.caller),
      dialect: dialect.name,
      stream,
      ...(request.callId === undefined ? {} : { call_id: request.callId }),
    };
    const leave = this.deps.overload.enter(base.scope);
    // Never rejects. The store is asked first, and answers while the rest is worked out.
    const standingSoon = this.deps.repeats.standing(base.scope, mark.turn, mark.repeat);
    const trace = traceOf(request.headers);
    const span = this.spanOf(request, mark);
    const traced = { ...(trace && { trace }), ...(span && { span }) };
    const { conversation } = mark;
    const named = conversation === undefined ? {} : { conversation };
    const allowance = this.deps.allowances?.open({ scope: base.scope, turn: mark.turn, ...named });
    const facts = factsOf(request, { ...base, ...named, ...traced });
    const told = turnObserver(this.deps.observer, facts);
    const tell = (event: TurnEvent): void => {
      allowance?.saw(event);
      told(event);
    };
    tell({ type: 'turn_started' });
    const standing = await standingSoon;
    try {
      const caller = await this.callerOf(request);
      const result = await runTurn(
        this.deps,
        {
          id: mark.turn,
          scope: base.scope,
          caller,
          dialect,
          body: request.body,
          clientTools: mark.clientTools,
          ...(mark.selection === undefined ? {} : { selection: mark.selection }),
          place: mark.place,
          ...named,
          standing,
          ...(this.deps.clientTools === undefined
            ? {}
            : { refuseClients: (call) => this.refuseClients(request, call) }),
          signal,
          ...(mark.surface === undefined ? {} : { onWork }),
          ...(mark.surface === 'native' && dialect.replies !== undefined ? { asksNatively: true } : {}),
          tell,
          ...(allowance === undefined ? {} : { allowance }),
          facts,
          ...this.delimiter(base.scope, conversation ?? mark.turn),
          ...traced,
        },
        asker,
      );
      // Before the client sees the end: it may be gone then, and come again.
      const ending =
        result.isRepeated === true
          ? undefined
          : standing.end?.({
              state: 'answered',
              ...(result.handBack.length > 0 ? {} : { answer: answerOf(result) }),
              delivered: !signal.aborted,
            });
      await Promise.all([ending, result.keeping]);
      tell({
        type: 'turn_finished',
        end: result.end,
        milliseconds: since(begun),
        rounds: result.rounds.length,
        calls: result.calls.length,
        handedBack: result.handBack.length,
      });
      this.log({ ...base, rounds: result.rounds.length, ms: since(begun), end: result.end }, result.calls);
      return result;
    } catch (error) {
      await standing.end?.({ state: 'ended', delivered: false });
      const problem = shown(error);
      const failed = {
        rounds: 0,
        end: signal.aborted ? ('gone' as const) : ('error' as const),
        error: problem.message,
      };
      this.log({ ...base, ...failed, ms: since(begun) }, []);
      tell({ type: 'turn_finished', ...failed, calls: 0, handedBack: 0, milliseconds: since(begun) });
      if (problem.code === 'internal')
        logFailure(this.deps.log, 'turnFailed', 'defect', { turn: mark.turn, error });
      throw problem;
    } finally {
      allowance?.close();
      leave();
    }
  }

  private delimiter(scope: string, conversation: string): Pick<TurnStart, 'delimiter'> {
    const { delimit, secrets } = this.deps;
    if (delimit.length === 0) return {};
    return { delimiter: new ResultDelimiter(delimit, secrets[0], [scope, conversation]) };
  }

  /** The caller with its headers for servers, whose sessions another replica may have made before the call. */
  private async callerOf(request: HookRequest): Promise<Caller> {
    const { servers, host } = this.deps;
    const caller = withServerHeaders(request.caller, request.headers, servers);
    if (caller.serverHeaders !== undefined) await host.prepare?.(caller.serverHeaders);
    return caller;
  }

  private log(turn: Record<string, unknown>, calls: TurnResult['calls']): void {
    const failures = calls.flatMap((call) => call.failure ?? []);
    // The answer goes out first.
    setImmediate(() => this.deps.log.info('turn finished', { ...turn, calls: calls.length, failures }));
  }

  private continuation(request: HookRequest, mark: TurnMark, carrier?: Carrier): Continuation {
    const { secrets, limits } = this.deps;
    const lasts = (limits.turnMs + limits.answerMs) / 1000;
    const expires = (): number => Math.ceil(Date.now() / 1000 + lasts);
    const sign = (): string => signMark(secrets[0], mark.turn, request.caller.key ?? '', expires());
    const { turn, conversation, restored } = mark;
    const of = (round: number): string =>
      writeBelonging({
        turn,
        round,
        restored: restored === true,
        ...(conversation === undefined ? {} : { conversation }),
      });
    const span = this.spanOf(request, mark);
    const traceOfRound = span && ((round: number) => contextOf(span, 'round', round));
    const { keyHeaderName: keyHeader, asksTheDoor } = this.deps;
    return continuationOf(request, {
      mark: sign,
      of,
      ...(keyHeader === undefined ? {} : { keyHeader }),
      ...(traceOfRound && { traceOfRound }),
      ...(carrier !== undefined && asksTheDoor ? { carrier } : {}),
    });
  }

  private spanOf({ headers }: HookRequest, { turn }: TurnMark): TurnSpan | undefined {
    return this.deps.traced === true ? turnSpan(turn, traceOf(headers)) : undefined;
  }

  /** Throws where the client may not get this call of its own tool. */
  private async refuseClients({ caller }: HookRequest, call: ToolCall): Promise<void> {
    const refusal = await this.deps.clientTools?.refusal(caller, call);
    if (refusal !== undefined) throw refusal;
  }

  /** Whether a call of one of the client's tools may turn out to be one that it may not get. */
  private mayRefuse(dialect: Dialect, { body }: HookRequest, { clientTools: count }: TurnMark): boolean {
    const { clientTools } = this.deps;
    if (clientTools === undefined) return false;
    const { opaque, names } = dialect.clientTools(dialect.withdraw(body, count));
    return opaque || [...names].some((name) => clientTools.watches(name));
  }

  private names(dialect: Dialect, request: HookRequest, mark: TurnMark) {
    const offered = dialect.offered(request.body, mark.clientTools);
    return { offered, isClients: clientNameTest(dialect, request.body, offered, mark.clientTools) };
  }

  private dialectFor(path: string): Dialect | undefined {
    const bare = path.split('?', 1)[0] ?? path;
    return this.deps.dialects.find((dialect) => dialect.matches(bare));
  }

  private dialectOf(path: string): Dialect {
    const dialect = this.dialectFor(path);
    if (dialect === undefined) throw new ToolturnError('bad_request', 'This path carries no turns.');
    return dialect;
  }
}

/** What those who watch know of a turn. */
function factsOf(
  { caller, body, path, headers }: HookRequest,
  base: Pick<TurnFacts, 'turn' | 'scope' | 'dialect' | 'stream' | 'trace' | 'span' | 'conversation'> & {
    readonly call_id?: string;
  },
): TurnFacts {
  const { turn, call_id: callId, scope, dialect, stream, trace, span, conversation } = base;
  const client = headers['user-agent']?.split(' ', 1)[0]?.slice(0, 64);
  return {
    ...(turn === undefined ? {} : { turn }),
    scope,
    dialect,
    stream,
    model: modelOf({ path, body }).slice(0, 128),
    ...(callId === undefined ? {} : { callId }),
    ...(caller.alias === undefined ? {} : { keyAlias: caller.alias }),
    ...(caller.user === undefined ? {} : { user: caller.user }),
    ...(caller.team === undefined ? {} : { team: caller.team }),
    ...(client ? { client } : {}),
    ...(conversation === undefined ? {} : { conversation }),
    ...(trace === undefined ? {} : { trace }),
    ...(span === undefined ? {} : { span }),
  };
}

/** What a repetition of the turn is given of it. */
function answerOf({ rounds, note, question, kept }: TurnResult): FirstAnswer {
  const said = note ?? question?.text;
  return {
    texts: [...rounds.map((round) => round.text), ...(said === undefined ? [] : [said])],
    ...(kept === undefined ? {} : { kept }),
  };
}

function since(begun: number): number {
  return Math.round(performance.now() - begun);
}

/** An error as a caller may see it: ours as it is, any other without its text. */
function shown(error: unknown): ToolturnError {
  if (error instanceof ToolturnError) return error;
  return failureError('turnFailed', {}, { cause: error });
}
