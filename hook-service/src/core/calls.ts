import { createHash } from 'node:crypto';
import { setImmediate as requestSent, setTimeout as pause } from 'node:timers/promises';
import type { WaitingCall } from './approvals';
import type { OurTool } from './builtin';
import { aimOf, type AimDeps } from './builtin-aim';
import { keepRest } from './builtin-rest';
import { textResult } from './builtin-run';
import { canonicalJson } from './canonical-json';
import { CallPath, type Aim, type CallMaker, type CallPathDeps, type Ran } from './call-path';
import type { Outcome, ToolCall } from './dialect';
import { failureTold, goOnWithout } from './failure-policy';
import { shownName } from './naming';
import type { CallStore, Claim, HostTool, TextStore, ToolResult } from './ports';
import { pickMedia } from './result-media';
import type { ResultDelimiter } from './result-delimiter';
import { cutText, joinedText, resultText, type CutText } from './result-text';
import { RunningHere } from './running-here';
import type { CallWatch } from './work';

/** What running calls needs; one for the whole service. */
export interface CallDeps extends AimDeps, CallPathDeps {
  readonly store: CallStore;
  readonly outcomeTtlSeconds: number;
  /** Where the rest of results that are cut is kept; absent: it is lost. */
  readonly texts?: TextStore;
  /** Calls of this process; absent: of this runner alone. */
  readonly here?: RunningHere;
}

/** Bounds how many calls run at once; the rest wait in order. */
export interface Gate {
  execute<T>(run: () => Promise<T>): Promise<T>;
}

/** A turn, as its calls are run. */
export interface CallContext extends CallMaker {
  readonly turn: string;
  /** The turn in whose name calls are claimed: the first one, where this one repeats it. Absent: `turn`. */
  readonly origin?: string;
  /** Whether any call of the turn may have run already, and nobody can say. To be asked behind the claim. */
  readonly mayHaveRun?: () => boolean;
  /** How often each call was made before, by its digest, where this turn goes on from there. */
  readonly made?: Readonly<Record<string, number>>;
  /** One object for all calls of a turn, however often its context is copied: by it they are counted. */
  readonly counted?: object;
  /** The tool behind a name, if it was offered in this turn and the caller may use it now. */
  readonly resolve: (name: string) => OurTool | undefined;
  /** For how many seconds a person is asked before this call runs; undefined where it runs without. Absent: none is asked about. */
  readonly asks?: (call: WaitingCall, tool: HostTool) => number | undefined;
  /** True where the call must not run without a claim. */
  readonly strict?: true;
  /** Ends when tools must stop. */
  readonly signal: AbortSignal;
  readonly gate: Gate;
  /** Why one tool may not be called any more in this turn; absent: no tool has such a limit. */
  readonly toolLimit?: (name: string) => string | undefined;
  /** Marks the words of tools; absent: they are not marked. */
  readonly delimiter?: ResultDelimiter;
  /** How much of a result of so many bytes the model may get; absent: as much as of any one. */
  readonly takeBytes?: (wanted: number) => number;
  /** Told of each outcome that is on its way to the store; it never rejects. Absent: a call ends when its outcome is there. */
  readonly recording?: (done: Promise<void>) => void;
}

/** What came of a call, and where its outcome is on the way to the store. `kept` never rejects. */
interface OnceRan {
  readonly ran: Ran;
  readonly kept?: Promise<void>;
}

/** How often the outcome of a call is looked for that runs elsewhere. */
const pollMs = 250;

/** Runs calls, each at most once, and turns whatever happens into a result that the model can use. */
export class CallRunner {
  private readonly running: RunningHere['calls'];
  private readonly path: CallPath;
  private readonly counts = new WeakMap<object, CallCounts>();

  constructor(private readonly deps: CallDeps) {
    this.path = new CallPath(deps);
    this.running = (deps.here ?? new RunningHere()).calls;
  }

  /** Runs one call of a round. Never rejects. */
  async run(context: CallContext, roundNumber: number, call: ToolCall, watch?: CallWatch): Promise<Outcome> {
    const begun = performance.now();
    const told = await this.told(context, roundNumber, call, watch);
    return { call, ...told, milliseconds: Math.round(performance.now() - begun) };
  }

  /** What the model is told about a call. */
  private async told(
    context: CallContext,
    roundNumber: number,
    call: ToolCall,
    watch: CallWatch | undefined,
  ): Promise<Omit<Outcome, 'call' | 'milliseconds'>> {
    const aim = await this.aim(context, call);
    const isAim = 'tool' in aim;
    const waits = isAim ? waitingFor(context, call, aim) : undefined;
    if (isAim && waits !== undefined) return notYet(aim.name, waits);
    if (isAim) watch?.started(aim.tool, aim.name === call.name ? call.arguments : JSON.stringify(aim.asked));
    const { result, cached, replayed }: Ran = isAim
      ? await this.result(context, roundNumber, call, aim, watch)
      : { result: aim };
    const media = pickMedia(result.content);
    const whole = resultText(result, isAim ? aim.name : call.name, media);
    // A piece of a text that was cut once is as long as it may be, and its note makes it a little longer.
    let readsOn = false;
    const keep = async (bytes: Uint8Array) => {
      const deps = { ...this.deps, ttlSeconds: this.deps.outcomeTtlSeconds };
      const rest = await keepRest(deps, { ...context, call: `${roundNumber}:${call.id}` }, bytes);
      readsOn = rest !== undefined;
      return rest;
    };
    const wanted = Buffer.byteLength(whole);
    const most = context.takeBytes?.(wanted) ?? this.deps.limits.resultBytes;
    const cut = isAim ? await cutText(whole, most, keep) : { shown: whole };
    const delimited = delimitedText(context, isAim ? aim.name : call.name, cut, result);
    return {
      text: joinedText(cut),
      ...(delimited === undefined ? {} : { delimited }),
      ...(readsOn ? { readsOn } : {}),
      ...(media.size === 0 ? {} : { media: [...media.values()] }),
      ...(result.failure === undefined ? {} : { failure: result.failure }),
      ...(result.ends === undefined ? {} : { ends: result.ends }),
      ...(result.masked === undefined ? {} : { masked: result.masked }),
      ...(isAim && aim.name !== call.name ? { ran: aim.name } : {}),
      ...(cached === true ? { cached } : {}),
      ...(replayed === true ? { replayed } : {}),
    };
  }

  /** The tool and the arguments that go to its server, or what the model is told in place of that. */
  private async aim(context: CallContext, call: ToolCall): Promise<Aim | ToolResult> {
    const aim = await aimOf(this.deps, context, call);
    if ('tool' in aim) {
      const permitted = await this.path.permitted(context, aim);
      const full = 'tool' in permitted ? context.toolLimit?.(aim.name) : undefined;
      if (full === undefined) return permitted;
      const text = `The tool ${aim.name} was not run: ${full}. Go on without it.`;
      return this.path.safe(textResult(text, 'limit'));
    }
    if (aim.failure === 'denied') this.path.denied(context, call.name, 'tool');
    return this.path.safe(aim);
  }

  private async result(
    context: CallContext,
    roundNumber: number,
    call: ToolCall,
    aim: Aim,
    watch: CallWatch | undefined,
  ): Promise<Ran> {
    // The model gives a call another id when it is asked again, so a call is known by what it does.
    const digest = digestOf(aim);
    const number = this.countsOf(context).of(digest, `${roundNumber}:${call.id}`);
    const key = sha256(`${context.origin ?? context.turn}\0${digest}\0${number}`).slice(0, 40);
    const local = `${context.scope}:${key}`;
    const already = this.running.get(local);
    if (already !== undefined) return already;
    const running = this.once(context, aim, key, digest, watch);
    const ran = running.then((each) => each.ran);
    this.running.set(local, ran);
    // Not before its outcome is kept: until then the store says that it runs here.
    const over = (): boolean => this.running.delete(local);
    void running.then(({ kept }) => kept).then(over, over);
    return ran;
  }

  /** How often each call of a turn was made, by the digest of what it does. */
  made(context: CallContext): Readonly<Record<string, number>> {
    return this.countsOf(context).all();
  }

  private countsOf(context: CallContext): CallCounts {
    const of = context.counted ?? context;
    const counts = this.counts.get(of) ?? new CallCounts(context.made ?? {});
    this.counts.set(of, counts);
    return counts;
  }

  /** Claim, run, record. Without a working store the call runs all the same: the client is waiting. */
  private async once(
    context: CallContext,
    aim: Aim,
    key: string,
    digest: string,
    watch: CallWatch | undefined,
  ): Promise<OnceRan> {
    const { store, outcomeTtlSeconds } = this.deps;
    const { tool } = aim;
    try {
      const claim = await store.claim(context.scope, key, outcomeTtlSeconds);
      const found = claim.state === 'running' ? await this.outcome(context, key, claim) : claim;
      if (found.state === 'recorded' && found.call.digest === digest) {
        const { result } = found.call;
        if (!(isDoubtful(result) && mayRepeat(tool))) return { ran: { result, replayed: true } };
      } else if (found.state !== 'claimed' && !mayRepeat(tool)) {
        // Claimed by a replica that died or does not answer, or recorded with a key that is gone.
        return { ran: { result: unknownFate(tool) } };
      } else if (found.state === 'claimed' && context.mayHaveRun?.() === true && !mayRepeat(tool)) {
        await store.release(context.scope, key);
        return { ran: { result: unknownFate(tool) } };
      }
    } catch (error) {
      if (context.strict === true) return { ran: { result: unknownFate(tool) } };
      goOnWithout(this.deps.log, 'store', 'claim', { error, server: tool.server, tool: tool.tool });
    }
    let hasBegun = false;
    const ran = await this.path.run(context, aim, {
      signal: context.signal,
      queue: (run) =>
        context.gate.execute(() => {
          watch?.running?.();
          return inTime(context, tool, () => {
            hasBegun = true;
            return run();
          });
        }),
      ...(watch === undefined ? {} : { onProgress: watch.progress }),
    });
    const { result } = ran;
    const wasNotRun = result.failure === 'limit' || (!hasBegun && result.failure !== undefined);
    const keep = (): Promise<void> =>
      wasNotRun
        ? store.release(context.scope, key)
        : store.record(context.scope, key, { digest, result }, outcomeTtlSeconds);
    const lost = (error: unknown): void =>
      goOnWithout(this.deps.log, 'store', 'outcome', { error, server: tool.server, tool: tool.tool });
    if (context.recording === undefined) {
      await keep().catch(lost);
      return { ran };
    }
    // The model is asked first: it needs the outcome, and the client's end waits for the store.
    const kept = requestSent().then(keep).catch(lost);
    context.recording(kept);
    return { ran, kept };
  }

  /**
   * What comes of a call that is claimed. Here it does not run (any more), and of a dead replica nothing comes: only
   * for one that lives it is waited, as long as a call may take.
   */
  private async outcome(
    context: CallContext,
    key: string,
    claim: Claim & { state: 'running' },
  ): Promise<Claim> {
    const until = performance.now() + this.deps.limits.callMaxMs;
    let found: Claim = claim;
    while (found.state === 'running' && found.where === 'elsewhere') {
      if (performance.now() >= until || context.signal.aborted) return found;
      await pause(pollMs, undefined, { signal: context.signal }).catch(() => undefined);
      found = await this.deps.store
        .claim(context.scope, key, this.deps.outcomeTtlSeconds)
        .catch((): Claim => claim);
      // Where the claim is gone, nobody can say what it came to.
      if (found.state === 'claimed') return { state: 'unreadable' };
    }
    return found;
  }
}

/** What the model gets where the words of this tool are marked; what we say ourselves is not. */
function delimitedText(
  { delimiter }: CallContext,
  name: string,
  { shown, note }: CutText,
  { failure, continues, content }: ToolResult,
): string | undefined {
  if (delimiter === undefined) return undefined;
  if (continues === true) {
    const [words, place] = content.map((part) => (part.type === 'text' ? part.text : ''));
    const marked = delimiter.aroundRest(name, words ?? '');
    return marked === undefined ? undefined : joinedText({ shown: marked, note: place ?? '' });
  }
  if (failure !== undefined && failure !== 'tool_error' && failure !== 'protocol_error') return undefined;
  const marked = delimiter.around(name, shown);
  return marked === undefined
    ? undefined
    : joinedText({ shown: marked, ...(note === undefined ? {} : { note }) });
}

/** Tells equal calls of one turn apart: the first one, the second one and so on. */
class CallCounts {
  private readonly ids = new Map<string, string[]>();

  constructor(private readonly before: Readonly<Record<string, number>>) {}

  /** The same number for the same call of the same round. */
  of(digest: string, id: string): number {
    const known = this.ids.get(digest) ?? [];
    this.ids.set(digest, known);
    const position = known.indexOf(id);
    return (this.before[digest] ?? 0) + (position < 0 ? known.push(id) - 1 : position);
  }

  all(): Readonly<Record<string, number>> {
    const now = [...this.ids].map(
      ([digest, { length }]) => [digest, (this.before[digest] ?? 0) + length] as const,
    );
    return { ...this.before, ...Object.fromEntries(now) };
  }
}

/** What a call does, in whatever words it was asked for. */
const digestOf = (aim: Aim): string => sha256(`${aim.name}\0${canonicalJson(aim.arguments)}`);

/** The call as a person is asked about it, where one has to be. */
function waitingFor(context: CallContext, call: ToolCall, aim: Aim): Outcome['waits'] {
  const { tool, name } = aim;
  const waiting: WaitingCall = {
    id: call.id,
    server: tool.server,
    tool: shownName(tool),
    name,
    // What the config fixes is not shown, and may be secret.
    arguments: JSON.stringify(
      Object.fromEntries(
        Object.entries(aim.arguments).filter(([key]) => !Object.hasOwn(tool.settings?.arguments ?? {}, key)),
      ),
    ),
    digest: digestOf(aim),
  };
  const expiresSeconds = context.asks?.(waiting, tool);
  return expiresSeconds === undefined ? undefined : { call: waiting, expiresSeconds };
}

/** What the model reads where the person cannot be asked in this round. */
function notYet(name: string, waits: NonNullable<Outcome['waits']>): Omit<Outcome, 'call' | 'milliseconds'> {
  const text = `The tool ${name} was not run: a person has to approve this call first and could not be asked now. If other calls of this round wait for their results, make it again after them; otherwise say that it needs approval.`;
  return { text, failure: 'denied', waits };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A call that had to wait until the turn's time was used up is not run. */
async function inTime(
  { signal }: CallContext,
  tool: HostTool,
  run: () => Promise<ToolResult>,
): Promise<ToolResult> {
  if (!signal.aborted) return run();
  return textResult(`The tool ${tool.tool} was not run: the time for this turn is used up.`, 'timeout');
}

function unknownFate({ tool }: HostTool): ToolResult {
  return textResult(failureTold('fateUnknown', { tool }), 'unknown_fate');
}

/** True where the call may or may not have had its effect. */
function isDoubtful({ failure }: ToolResult): boolean {
  return failure === 'timeout' || failure === 'transport' || failure === 'cancelled';
}

/** The one use of a server's hints: whether a call whose fate is unknown may be made again. */
function mayRepeat(tool: HostTool): boolean {
  return tool.annotations?.['readOnlyHint'] === true || tool.annotations?.['idempotentHint'] === true;
}
