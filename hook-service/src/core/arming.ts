import { randomUUID } from 'node:crypto';
import { writeBelonging } from './belonging';
import { waitingText } from './approvals';
import { scopeOf, type Caller } from './caller';
import { conversationId, conversationName, conversationOfTurn, idHeaders } from './conversation';
import { unreadableForms, type ClientToolGuard } from './client-tools';
import type { ClientTools, Dialect, Outcome, Patch } from './dialect';
import { ToolturnError } from './errors';
import { failureError, goOnWithout } from './failure-policy';
import { modelOf, type BegunTurn, type HookRequest, type PreCallAnswer, type TurnMark } from './hooks';
import type { JsonObject } from './json';
import { wantsUsage } from './usage';
import { fewTokens, sideRequest, sideWords } from './known-clients';
import { injectModeFor, type InjectMode, type InjectPolicy, type Limits } from './limits';
import { hiddenWith, type KeptQuestion } from './kept-question';
import { HistoryReader, keptTurn, readKept, type KnownTurn, type Place } from './memory';
import type { RequestFacts } from './observer';
import type { OfferBook, OfferDecision } from './offer';
import type { Ledger, Log, ToolHost } from './ports';
import { repeatMark } from './repeat-mark';
import { holdsNextPiece } from './result-text';
import type { Resumption } from './resumption';
import { readSelection, selects, type SelectedRequest } from './selection';
import { withServerHeaders } from './server-headers';
import type { ServerConfig } from './servers';
import { surfaceFor, surfaceHeader, type Surface, type SurfacePolicy } from './surface';
import type { Ticket, TicketLimits } from './ticket';

export interface ArmingDeps {
  readonly book: OfferBook;
  /** Makes the sessions of clients that send headers of their own. */
  readonly host: ToolHost;
  readonly ledger: Ledger;
  readonly servers: readonly ServerConfig[];
  readonly inject: InjectPolicy;
  readonly surface: SurfacePolicy;
  readonly limits: Limits;
  /** Runs calls that a person has approved; absent: nobody is asked. */
  readonly resumption?: Resumption;
  /** How long the ledger keeps a turn. */
  readonly ledgerTtlSeconds: number;
  readonly log: Log;
  /** What clients may do with tools of their own; absent: anything. */
  readonly clientTools?: ClientToolGuard;
  /** False: a client's own retry is a turn of its own. */
  readonly knowsRepeats: boolean;
  /** Those that door and hook-service share; the first one counts. */
  readonly secrets: readonly [string, ...string[]];
}

/** What a request says of MCP servers, of what it shows of them, and with which headers. */
type AskedRequest = SelectedRequest & { readonly surface: Surface; readonly caller: Caller };

/** What the door is to do, and what those who watch are told of it. */
export interface Armed {
  readonly answer: PreCallAnswer;
  readonly facts: Omit<RequestFacts, 'milliseconds'>;
  readonly turn?: string;
  readonly conversation?: string;
  /** The answer holds for every plain request of this caller, with this word for its model calls. */
  readonly lends?: Pick<Ticket, 'of' | 'unless'>;
}

/** What a request came to with its hidden rounds put back. */
interface Recalled {
  readonly body: JsonObject;
  /** The store knows of no hidden rounds in it, and was there to be asked. */
  readonly hidesNothing: boolean;
  readonly readsOn: boolean;
  /** The conversation that the last answer we know belongs to. */
  readonly conversation?: string;
  readonly found: Pick<RequestFacts, 'ledgerHits' | 'ledgerMisses' | 'restoredBytes'>;
}

const nothingFound: Recalled['found'] = { ledgerHits: 0, ledgerMisses: 0, restoredBytes: 0 };
const nothingOffered = { offered: 0, offeredTokens: 0 };

/** A request that gets an error; `refused` names the limit where one is the reason. */
export const rejected = (answer: PreCallAnswer, refused?: RequestFacts['refused']): Armed => ({
  answer,
  facts: { decision: 'rejected', ...(refused && { refused }), ...nothingOffered, ...nothingFound },
});

/** What must be in no request that is answered by a ticket: it says something about tools, or names its conversation. */
const ticketLimits: TicketLimits = {
  headers: ['x-mcp-', 'x-toolturn-', ...idHeaders],
  words: sideWords,
  tokens: fewTokens,
};

/** Makes a request ready before the model is asked: hidden rounds back in place, and the offer behind the client's tools. */
export class Arming {
  private readonly histories = new HistoryReader();

  constructor(private readonly deps: ArmingDeps) {}

  /** What the door is to do with the request. */
  async arm(dialect: Dialect, request: HookRequest): Promise<Armed> {
    const { limits } = this.deps;
    const asked = this.selected(request);
    if (asked instanceof ToolturnError) {
      return rejected({ action: 'reject', status: asked.status, message: asked.message });
    }
    const { selection, surface, caller } = asked;
    const { body: ownBody, isGuarded } = this.guarded(dialect, request.caller, asked.body);
    const client = dialect.clientTools(ownBody);
    const turn = randomUUID().replaceAll('-', '');
    const history = dialect.history(ownBody);
    const aside = sideRequest(asked.body, history.asked);
    if (caller.serverHeaders !== undefined && aside === undefined)
      await this.deps.host.prepare?.(caller.serverHeaders);
    const told = { ...request, body: ownBody, caller };
    const { turns, place } = this.histories.read(dialect.name, history);
    const recalling = this.recall(dialect, told, turns, async (waits, conversation) =>
      aside === undefined
        ? this.deps.resumption?.outcomes({
            dialect,
            request: told,
            turn,
            history,
            waits,
            ...(conversation === undefined ? {} : { conversation }),
            ...(selection && { selection }),
          })
        : undefined,
    );
    // While the ledger is asked: it goes through the whole request.
    const repeat = this.repeatOf(dialect, request, place, Date.now());
    const recalled = await recalling;
    if (recalled === 'wait') {
      return {
        answer: { action: 'wait', deadlineSeconds: Math.ceil(limits.callMaxMs / 1000) + 15 },
        facts: { decision: 'passed', ...nothingOffered, ...nothingFound },
      };
    }
    const { body, found } = recalled;
    const changes = changed(request.body, body);
    const named = conversationOf(request, recalled);
    // Nothing but who asks, and for which model, decides about such a request, and about those that go on from it.
    const isPlain =
      aside === undefined &&
      !isGuarded &&
      this.deps.clientTools?.cleans !== true &&
      !('tools' in request.body) &&
      client.refusal === undefined &&
      selection === undefined &&
      caller.serverHeaders === undefined &&
      request.headers[surfaceHeader] === undefined &&
      recalled.hidesNothing &&
      body === request.body &&
      named === undefined;
    if (isGuarded && client.refusal !== undefined && unreadableForms.has(client.refusal)) {
      const { status, message } = failureError('clientToolsUnreadable', { reason: client.refusal });
      return rejected({ action: 'reject', status, message });
    }
    const lending = (turn?: string): Pick<Armed, 'lends'> =>
      isPlain
        ? { lends: { of: belongingOf(found, turn && conversationOfTurn(turn), turn), unless: ticketLimits } }
        : {};
    const decision: OfferDecision =
      aside === undefined
        ? this.decide(request, caller, client, recalled, selection)
        : { offer: false, reason: aside };
    // Without tools of ours a turn is followed where calls of the client's may have to be refused.
    if (!decision.offer && !isGuarded)
      return {
        answer: { ...unarmed(decision.reason, client, changes), of: belongingOf(found, named) },
        facts: { decision: 'passed', ...nothingOffered, ...found },
        ...(named === undefined ? {} : { conversation: named }),
        ...lending(),
      };
    const tools = decision.offer ? decision.tools : [];
    const patch = decision.offer
      ? dialect.offer(body, tools)
      : { set: {}, remove: client.requested ? ['tools'] : [] };
    const conversation = named ?? conversationOfTurn(turn);
    const answer: PreCallAnswer = {
      action: 'arm',
      set: { ...changes.set, ...patch.set },
      remove: [...changes.remove.filter((name) => !(name in patch.set)), ...patch.remove],
      mark: {
        turn,
        conversation,
        clientTools: client.count,
        place,
        wantsUsage: wantsUsage(request.body),
        ...repeat,
        ...(selection === undefined ? {} : { selection }),
        ...(surface === 'hidden' ? {} : { surface }),
        ...(found.ledgerHits === 0 ? {} : { restored: true as const }),
      },
      deadlineSeconds: Math.ceil((limits.turnMs + limits.answerMs) / 1000) + 10,
      of: belongingOf(found, conversation, turn),
    };
    const facts = {
      decision: 'armed' as const,
      offered: tools.length,
      offeredTokens: decision.offer ? decision.tokens : 0,
      ...found,
    };
    return { answer, facts, turn, conversation, ...lending('*') };
  }

  /** The mark of a turn that the door began by a ticket, as `arm` would have made it for the request as it came. */
  markOf(dialect: Dialect, request: HookRequest, begun: BegunTurn): TurnMark {
    const { turn, config, ageMs } = begun;
    const { place } = this.histories.read(dialect.name, dialect.history(request.body));
    const surface = surfaceFor(this.deps.surface, request);
    return {
      turn,
      conversation: conversationOfTurn(turn),
      clientTools: 0,
      place,
      wantsUsage: wantsUsage(request.body),
      ...this.repeatOf(dialect, request, place, Date.now() - ageMs),
      ...(surface === 'hidden' ? {} : { surface }),
      ...(config === undefined ? {} : { config }),
    };
  }

  /** `at` in milliseconds since 1970. */
  private repeatOf(
    dialect: Dialect,
    request: HookRequest,
    place: Place,
    at: number,
  ): Pick<TurnMark, 'repeat'> {
    const { knowsRepeats, secrets } = this.deps;
    return knowsRepeats ? { repeat: repeatMark(dialect.name, request, place, secrets[0], at) } : {};
  }

  private decide(
    request: HookRequest,
    caller: Caller,
    client: ClientTools,
    { body, readsOn }: Recalled,
    selection: SelectedRequest['selection'],
  ): OfferDecision {
    return this.deps.book.decide({
      caller,
      mode: this.modeFor(request),
      client,
      body,
      readsOn,
      ...(selection === undefined ? {} : { selects: (tool) => selects(selection, tool) }),
    });
  }

  /** The request without tools that this key's clients may not have; guarded where calls must be looked at too. */
  private guarded(dialect: Dialect, caller: Caller, body: JsonObject) {
    const guard = this.deps.clientTools;
    if (guard === undefined) return { body, isGuarded: false };
    const kept = dialect.keepTools(guard.cleanRequest(body), (name) => {
      const allowed = guard.allows(caller, name);
      if (!allowed) guard.denied(caller, name, 'tool');
      return allowed;
    });
    const { names, opaque, count } = dialect.clientTools(kept);
    const watched = opaque || [...names].some((name) => guard.watches(name));
    return {
      body: kept,
      isGuarded: watched || (count > 0 && guard.limits(caller)) || kept['tools'] !== body['tools'],
    };
  }

  /** What the request says about MCP servers and about what it shows of them, or the error it gets for it. */
  private selected(request: HookRequest): AskedRequest | ToolturnError {
    const { headers, body } = request;
    const { servers } = this.deps;
    try {
      const surface = surfaceFor(this.deps.surface, request);
      const caller = withServerHeaders(request.caller, headers, servers);
      return { ...readSelection(headers, body, servers), surface, caller };
    } catch (error) {
      if (error instanceof ToolturnError) return error;
      throw error;
    }
  }

  /** From here on the turn is one like any other, with all its results. */
  private async keepSettled(
    { caller }: HookRequest,
    keys: readonly string[],
    { hidden, readsOn, conversation }: KnownTurn & { readonly hidden: JsonObject },
  ): Promise<void> {
    const { ledger, ledgerTtlSeconds, log } = this.deps;
    await ledger
      .keep(scopeOf(caller), keys, keptTurn(hidden, readsOn, conversation), ledgerTtlSeconds)
      .catch((error: unknown) => goOnWithout(log, 'store', 'hidden', { error }));
  }

  private modeFor(request: HookRequest): InjectMode {
    const { caller } = request;
    return injectModeFor(this.deps.inject, {
      model: modelOf(request),
      ...(caller.alias === undefined ? {} : { keyAlias: caller.alias }),
      ...(caller.key === undefined ? {} : { keyHash: caller.key }),
    });
  }

  /** Puts hidden rounds back where they belong: one round trip, and none for a request without past answers. */
  private async recall(
    dialect: Dialect,
    request: HookRequest,
    turns: readonly (readonly string[])[],
    resume: (waits: KeptQuestion, conversation?: string) => Promise<readonly Outcome[] | 'wait' | undefined>,
  ): Promise<Recalled | 'wait'> {
    const { ledger } = this.deps;
    const askedAt = Date.now();
    const known: (KnownTurn | undefined)[] = turns.some((keys) => keys.length > 0)
      ? (await ledger.recall(scopeOf(request.caller), turns)).map(readKept)
      : [];
    const last = known.at(-1);
    if (last?.waits !== undefined) {
      const outcomes = await resume(last.waits, last.conversation);
      if (outcomes === 'wait') return 'wait';
      if (outcomes !== undefined) {
        const settled = settledTurn(dialect, last.waits, last, outcomes);
        known[known.length - 1] = settled;
        await this.keepSettled(request, turns.at(-1) ?? [], settled);
      }
    }
    const found = known.flatMap((turn, position) =>
      turn === undefined ? [] : [[position, hiddenOf(dialect, turn)] as const],
    );
    const restored = found.length === 0 ? request.body : dialect.restore(request.body, new Map(found));
    // What the ledger knows is back as it was; of the rest the client sends what it was shown.
    const body = dialect.takeBack(restored);
    const readsOn = known.some((turn) => turn?.readsOn) || (body !== restored && holdsCut(body));
    const conversation = known.findLast((turn) => turn?.conversation !== undefined)?.conversation;
    return {
      body,
      hidesNothing: turns.length === 0 || (found.length === 0 && (ledger.knowsAllSince?.(askedAt) ?? true)),
      readsOn,
      ...(conversation === undefined ? {} : { conversation }),
      found: {
        ledgerHits: found.length,
        ledgerMisses: known.length - found.length,
        restoredBytes: found.reduce((sum, [, hidden]) => sum + Buffer.byteLength(JSON.stringify(hidden)), 0),
      },
    };
  }
}

/** The turn as it is when people have decided about its calls. */
function settledTurn(
  dialect: Dialect,
  waits: KeptQuestion,
  known: KnownTurn,
  outcomes: readonly Outcome[],
): KnownTurn & { readonly hidden: JsonObject } {
  const { waits: _waits, ...rest } = known;
  const readsOn = known.readsOn || outcomes.some((each) => each.readsOn === true);
  return { ...rest, readsOn, hidden: hiddenWith(dialect, waits, outcomes) };
}

/** The hidden part of a past answer. A question that the conversation has left behind was not answered. */
function hiddenOf(dialect: Dialect, { hidden, waits }: KnownTurn): JsonObject {
  if (hidden !== undefined || waits === undefined) return hidden ?? {};
  const outcomes = waits.outcomes.map((each): Outcome =>
    each.waits === undefined
      ? each
      : { call: each.call, text: waitingText, failure: 'denied', milliseconds: 0 },
  );
  return hiddenWith(dialect, waits, outcomes);
}

/** What the request's conversation is called: by the client's own id, or by what the ledger knows of it. */
function conversationOf({ headers, body, caller }: HookRequest, recalled: Recalled): string | undefined {
  const id = conversationId(headers, body);
  return id === undefined ? recalled.conversation : conversationName(scopeOf(caller), id);
}

function belongingOf(found: Recalled['found'], conversation?: string, turn?: string): string {
  return writeBelonging({
    round: 1,
    restored: found.ledgerHits > 0,
    ...(turn === undefined ? {} : { turn }),
    ...(conversation === undefined ? {} : { conversation }),
  });
}

/** True where a result in this body was cut, so that the model can ask for the rest. */
const holdsCut = (body: JsonObject): boolean => holdsNextPiece(JSON.stringify(body));

/** What makes one body the other: fields that are not the same objects, and fields that are gone. */
function changed(before: JsonObject, after: JsonObject): Patch {
  if (before === after) return { set: {}, remove: [] };
  return {
    set: Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value)),
    remove: Object.keys(before).filter((name) => !(name in after)),
  };
}

/** Nothing is offered; the word `auto` in the place of a tool list must not reach a provider all the same. */
function unarmed(reason: string, client: ClientTools, changes: Patch): PreCallAnswer {
  const remove = [...changes.remove, ...(client.requested ? ['tools'] : [])];
  const nothing = remove.length === 0 && Object.keys(changes.set).length === 0;
  return nothing ? { action: 'pass', reason } : { action: 'patch', set: changes.set, remove };
}
