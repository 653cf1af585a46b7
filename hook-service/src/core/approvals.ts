import { randomInt } from 'node:crypto';
import { questionText, shownArguments } from './approval-question';
import { readReply, type Reply } from './approval-words';
import { failureTold, logFailure } from './failure-policy';
import { turnObserver, type Observer, type TurnFacts } from './observer';
import type { Log, Scope } from './ports';
import type { Mask } from './result-safety';

/** A call that waits for a person. */
export interface WaitingCall {
  /** The model's id of it. */
  readonly id: string;
  readonly server: string;
  readonly tool: string;
  /** The tool's name in the catalog. */
  readonly name: string;
  /** JSON, as it would run, without what the config fixes. */
  readonly arguments: string;
  /** Digest of what it does: only the very same call may run in its place. */
  readonly digest: string;
}

/** A question to a person about calls of one round. */
export interface Question {
  /** By which people name it. */
  readonly code: string;
  readonly scope: Scope;
  /** Whom the client said it asks for. */
  readonly endUser?: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  readonly expiresAt: number;
  /** Whose turn asked. */
  readonly of: Omit<TurnFacts, 'trace' | 'span'>;
  readonly calls: readonly WaitingCall[];
}

/** Where a decision came from. */
export interface Decider {
  readonly via: 'conversation' | 'cli' | 'http' | 'console' | 'time';
  /** A name: of the conversation its key's or user's, of an operator what they say. */
  readonly name?: string;
}

/** What somebody decided about a question; the first decision counts. */
export interface Decision {
  readonly kind: 'approved' | 'declined' | 'expired';
  readonly at: number;
  readonly by: Decider;
  /** Positions of the calls that it is about, where that is not all: the others are declined. */
  readonly only?: readonly number[];
  /** Words for the model. */
  readonly reason?: string;
}

export interface FoundQuestion {
  readonly question: Question;
  readonly decision?: Decision;
}

/** Questions and decisions, shared by all replicas. Everything expires; rejects where it cannot be known. */
export interface ApprovalStore {
  /** Keeps a question: `taken` where another one has its code, `full` where too many wait. */
  ask(question: Question, ttlSeconds: number): Promise<'asked' | 'taken' | 'full'>;
  read(scope: Scope, code: string): Promise<FoundQuestion | undefined>;
  /** For those who know the code alone. */
  find(code: string): Promise<FoundQuestion | undefined>;
  /** Keeps the first decision about a question, and gives the one that counts. */
  decide(scope: Scope, code: string, decision: Decision, ttlSeconds: number): Promise<Decision>;
  /** Questions that nobody has settled in their conversation, newest first. */
  open(): Promise<readonly FoundQuestion[]>;
  /** The conversation went on: nothing is open any more. True for the first who says so. */
  settle(code: string): Promise<boolean>;
}

/** A question as people see it who are not in the conversation. */
export interface QuestionView {
  readonly code: string;
  readonly asked_at: string;
  readonly expires_at: string;
  readonly state: 'waiting' | 'approved' | 'declined';
  readonly key_alias?: string;
  readonly user?: string;
  readonly team?: string;
  readonly model: string;
  readonly client?: string;
  readonly turn?: string;
  readonly calls: readonly { readonly server: string; readonly tool: string; readonly arguments: string }[];
}

/** What a conversation's next message comes to. */
export interface Settled {
  readonly kind: Decision['kind'] | 'other' | 'unknown';
  /** Positions of the calls that may run now. */
  readonly run: ReadonlySet<number>;
  /** What the model reads of a call that may not. */
  readonly text: string;
  readonly question?: Question;
}

/** What a client says about a question by its own form (`mcp_approval_response`), by position. */
export type NativeReplies = ReadonlyMap<number, { readonly approve: boolean; readonly reason?: string }>;

export interface ApprovalsDeps {
  readonly store: ApprovalStore;
  readonly mask: Mask;
  readonly observer: Observer;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What is known of a question longer than it can be answered, so that a late answer is told so. */
const rememberedSeconds = 86_400;
/** No 0, 1, I, L, O: people read codes aloud. */
const alphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const codeLength = 6;
const tries = 5;
const longestReason = 500;

/** True for what may be a code; people type it in any case. */
export const isCode = (text: string): boolean => new RegExp(`^[${alphabet}]{${codeLength}}$`, 'i').test(text);

/** Asks people about calls, and knows what they answered: in the conversation, or elsewhere. */
export class Approvals {
  constructor(private readonly deps: ApprovalsDeps) {}

  /** Keeps a question and gives its code and text; undefined where it cannot be asked. Never rejects. */
  async ask(
    of: TurnFacts,
    calls: readonly WaitingCall[],
    expiresSeconds: number,
    endUser?: string,
  ): Promise<{ code: string; text: string; calls: readonly WaitingCall[] } | undefined> {
    const { store, log, mask } = this.deps;
    const { trace: _trace, span: _span, ...facts } = of;
    const askedAt = this.now();
    const expiresAt = askedAt + expiresSeconds * 1000;
    try {
      for (let tried = 0; tried < tries; tried++) {
        const code = newCode();
        const question: Question = {
          code,
          scope: of.scope,
          ...(endUser === undefined ? {} : { endUser }),
          askedAt,
          expiresAt,
          of: facts,
          calls,
        };
        const kept = await store.ask(question, expiresSeconds + rememberedSeconds);
        if (kept === 'full') break;
        if (kept === 'taken') continue;
        this.tell(question, { type: 'asked' });
        const shown = calls.map((call) => ({ ...call, arguments: mask(call.arguments) }));
        return { code, text: questionText(question, mask), calls: shown };
      }
      logFailure(log, 'approvals', 'full');
    } catch (error) {
      logFailure(log, 'approvals', 'ask', { error });
    }
    return undefined;
  }

  /**
   * What the conversation's next message means for the calls that wait: what it says itself, or what was decided
   * elsewhere before. A no in the conversation holds whoever said yes. Never rejects: what cannot be known is no yes.
   */
  async answer(
    who: { scope: Scope; endUser?: string; name?: string },
    code: string,
    message: string,
    native?: NativeReplies,
  ): Promise<Settled> {
    const { store, log } = this.deps;
    try {
      const found = await store.read(who.scope, code);
      // Many people may share a key.
      if (found === undefined || found.question.endUser !== who.endUser)
        return nothing(failureTold('approvals'));
      const { question } = found;
      const reply = native === undefined ? readReply(message, code) : nativeReply(native);
      const by: Decider = { via: 'conversation', ...(who.name === undefined ? {} : { name: who.name }) };
      const decision = found.decision ?? (await this.decideBy(question, reply, by, native));
      return await this.settled(question, decision, reply, by);
    } catch (error) {
      logFailure(log, 'approvals', 'answer', { error });
      return nothing(failureTold('approvals'));
    }
  }

  /** For people elsewhere: questions that wait, and those decided whose conversation has not gone on. Rejects where the store does. */
  async list(): Promise<readonly QuestionView[]> {
    const open = await this.deps.store.open();
    const now = this.now();
    return open
      .filter(({ question, decision }) => now < until(question, decision) && decision?.kind !== 'expired')
      .map((found) => this.viewOf(found));
  }

  /**
   * Decides from elsewhere. Gives the decision that counts, which may be one made before; undefined for a code that is
   * not known. Rejects where the store does.
   */
  async decide(
    code: string,
    kind: 'approved' | 'declined',
    by: Decider,
    reason?: string,
  ): Promise<{ decision: Decision; isFirst: boolean; view: QuestionView } | undefined> {
    const found = await this.deps.store.find(code.toUpperCase());
    if (found === undefined) return undefined;
    const { question } = found;
    const at = this.now();
    const late = found.decision === undefined && at >= question.expiresAt;
    const wanted: Decision = late
      ? expiredAt(at)
      : { kind, at, by, ...(reason === undefined ? {} : { reason: reason.slice(0, longestReason) }) };
    const decision = found.decision ?? (await this.keep(question, wanted));
    return { decision, isFirst: decision === wanted, view: this.viewOf({ question, decision }) };
  }

  /** Notes questions that nobody answered in time. Never rejects. */
  async sweep(): Promise<void> {
    try {
      const now = this.now();
      for (const { question, decision } of await this.deps.store.open()) {
        if (now < until(question, decision)) continue;
        if (decision === undefined) await this.keep(question, expiredAt(now));
        await this.deps.store.settle(question.code);
      }
    } catch (error) {
      this.deps.log.debug('questions that have expired were not looked for: the store failed', { error });
    }
  }

  private async decideBy(
    question: Question,
    reply: Reply,
    by: Decider,
    native: NativeReplies | undefined,
  ): Promise<Decision> {
    const at = this.now();
    if (at >= question.expiresAt) return this.keep(question, expiredAt(at));
    if (reply !== 'approve') return this.keep(question, { kind: 'declined', at, by, ...reasonOf(native) });
    const only = native && [...native].flatMap(([position, { approve }]) => (approve ? [position] : []));
    return this.keep(question, {
      kind: 'approved',
      at,
      by,
      ...(only === undefined || only.length === question.calls.length ? {} : { only }),
      ...reasonOf(native),
    });
  }

  private async settled(question: Question, decision: Decision, reply: Reply, by: Decider): Promise<Settled> {
    await this.deps.store.settle(question.code).catch(() => false);
    const elsewhere = decision.by.via !== 'conversation';
    const positions = question.calls.map((_call, position) => position);
    const held = (kind: Settled['kind'], text: string, run: readonly number[] = []): Settled => ({
      kind,
      run: new Set(run),
      text,
      question,
    });
    if (decision.kind === 'expired') return held('expired', expiredText(question));
    if (decision.kind === 'declined') {
      if (reply === 'other' && !elsewhere) return held('other', otherText);
      return held('declined', declinedText(decision, elsewhere));
    }
    if (this.now() >= until(question, decision)) return held('expired', expiredText(question));
    if (elsewhere && reply === 'decline') {
      this.tell(question, { type: 'declined', by });
      return held('declined', declinedText({ ...decision, kind: 'declined' }, false));
    }
    const run = decision.only ?? positions;
    return held('approved', declinedText(decision, elsewhere), run);
  }

  /** Keeps a decision, if it is the first; tells of it where it was. */
  private async keep(question: Question, wanted: Decision): Promise<Decision> {
    const { store } = this.deps;
    const { scope, code } = question;
    const decision = await store.decide(scope, code, wanted, rememberedSeconds);
    if (decision === wanted) this.tell(question, { type: wanted.kind, by: wanted.by });
    return decision;
  }

  private tell(question: Question, { type, by }: { type: 'asked' | Decision['kind']; by?: Decider }): void {
    const { of, code, calls } = question;
    turnObserver(
      this.deps.observer,
      of,
    )({ type: 'approval', approval: { state: type, code, calls, ...(by === undefined ? {} : { by }) } });
  }

  private viewOf({ question, decision }: FoundQuestion): QuestionView {
    const { code, askedAt, of, calls } = question;
    const { keyAlias, user, team, model, client, turn } = of;
    const { mask } = this.deps;
    return {
      code,
      asked_at: new Date(askedAt).toISOString(),
      expires_at: new Date(until(question, decision)).toISOString(),
      state: decision === undefined ? 'waiting' : decision.kind === 'approved' ? 'approved' : 'declined',
      ...(keyAlias === undefined ? {} : { key_alias: keyAlias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
      model,
      ...(client === undefined ? {} : { client }),
      ...(turn === undefined ? {} : { turn }),
      calls: calls.map((call) => ({
        server: call.server,
        tool: call.tool,
        arguments: shownArguments(call.arguments, mask),
      })),
    };
  }

  private now(): number {
    return (this.deps.now ?? Date.now)();
  }
}

/** Nobody has decided in time. */
const expiredAt = (at: number): Decision => ({ kind: 'expired', at, by: { via: 'time' } });

/** Until when a question can be answered, or a yes from elsewhere holds for its conversation to go on. */
function until({ askedAt, expiresAt }: Question, decision: Decision | undefined): number {
  if (decision === undefined) return expiresAt;
  return Math.max(expiresAt, decision.at + (expiresAt - askedAt));
}

function newCode(): string {
  return Array.from({ length: codeLength }, () => alphabet[randomInt(alphabet.length)]).join('');
}

function nativeReply(native: NativeReplies): Reply {
  const replies = [...native.values()];
  if (replies.some(({ approve }) => approve)) return 'approve';
  return replies.length > 0 ? 'decline' : 'other';
}

function reasonOf(native: NativeReplies | undefined): Pick<Decision, 'reason'> {
  const reasons = [...(native?.values() ?? [])].flatMap(({ reason }) => reason ?? []);
  return reasons.length === 0 ? {} : { reason: reasons.join('; ').slice(0, longestReason) };
}

const nothing = (text: string): Settled => ({ kind: 'unknown', run: new Set(), text });

const otherText =
  'This call was not run: a person has to approve it, and answered with the message that follows instead of a plain yes or no. Do what the message says. To run the call, changed or not, make it again: the person is asked again.';

/** What the model reads where nobody has decided yet: the conversation was continued past the question. */
export const waitingText =
  'This call was not run: it waited for the approval of a person and did not get it.';

/** What stands before the result of a call that a person has approved. */
export const approvedText = '(A person was asked about this call and approved it.)\n';

function declinedText({ reason }: Decision, elsewhere: boolean): string {
  const who = elsewhere ? 'an operator declined it' : 'the person who was asked declined it';
  const words = reason === undefined || reason.trim() === '' ? '' : ` Their words: ${reason.trim()}`;
  return `This call was not run: ${who}.${words} Do not make it again unless you are asked to.`;
}

function expiredText({ askedAt, expiresAt }: Question): string {
  const minutes = Math.max(1, Math.round((expiresAt - askedAt) / 60_000));
  return `This call was not run: nobody approved it within ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}, so the question has expired. Say so. If the call is still wanted, make it again: the person is asked again.`;
}
