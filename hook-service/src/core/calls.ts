import { createHash } from 'node:crypto';
import type { OurTool } from './builtin';
import { aimOf, type Aim, type AimDeps } from './builtin-aim';
import { keepRest } from './builtin-rest';
import { textResult } from './builtin-run';
import type { Outcome, ToolCall } from './dialect';
import { forServer, type Caller } from './caller';
import type { JsonObject } from './json';
import type { Limits } from './limits';
import type { CallAccess } from './offer';
import type {
  CallStore,
  HostTool,
  Log,
  RecordedCall,
  ResultCache,
  Scope,
  TextStore,
  ToolHost,
  ToolResult,
  TraceContext,
} from './ports';
import { pickMedia } from './result-media';
import { throughCache } from './result-cache';
import { createMask, type Mask } from './result-safety';
import { cutText, resultText } from './result-text';
import type { CallWatch } from './work';

/** What running calls needs; one for the whole service. */
export interface CallDeps extends AimDeps {
  readonly host: ToolHost;
  readonly store: CallStore;
  readonly limits: Limits;
  readonly outcomeTtlSeconds: number;
  /** Where the rest of results that are cut is kept; absent: it is lost. */
  readonly texts?: TextStore;
  /** Absent: no result is given twice. */
  readonly cache?: ResultCache;
  /** Takes out of a text what no model may read; absent: nothing but what nobody may. */
  readonly mask?: Mask;
  readonly log: Log;
}

/** Bounds how many calls run at once; the rest wait in order. */
export interface Gate {
  execute<T>(run: () => Promise<T>): Promise<T>;
}

export interface CallContext {
  readonly turn: string;
  readonly scope: Scope;
  /** Who makes the call; LiteLLM's facts, and headers for servers. */
  readonly caller: Caller;
  /** Decides once more, before each call, what the caller may do. */
  readonly access: CallAccess;
  /** The tool behind a name, if it was offered in this turn and the caller may use it now. */
  readonly resolve: (name: string) => OurTool | undefined;
  /** Ends when tools must stop. */
  readonly signal: AbortSignal;
  readonly gate: Gate;
  /** The client's trace, for the servers. */
  readonly trace?: TraceContext;
}

/** What a call came to, and whether it was run for it. */
interface Ran {
  readonly result: ToolResult;
  readonly cached?: boolean;
}

/** How long a call that is claimed elsewhere is looked for before its fate counts as unknown. */
const pollMs = 250;

/** Runs calls, each at most once, and turns whatever happens into a result that the model can use. */
export class CallRunner {
  /** Calls of this process, so that a hook which is repeated meanwhile joins instead of running again. */
  private readonly running = new Map<string, Promise<Ran>>();
  private readonly mask: Mask;

  constructor(private readonly deps: CallDeps) {
    this.mask = deps.mask ?? createMask([]);
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
    const aim = this.permitted(context, call, await aimOf(this.deps, context, call));
    const isAim = 'tool' in aim;
    if (isAim) watch?.started(aim.tool, aim.name === call.name ? call.arguments : JSON.stringify(aim.asked));
    const { result, cached }: Ran = isAim
      ? await this.result(context, roundNumber, call, aim, watch)
      : { result: aim };
    const media = pickMedia(result.content);
    const whole = this.mask(resultText(result, isAim ? aim.name : call.name, media), result.failure);
    // A piece of a text that was cut once is as long as it may be, and its note makes it a little longer.
    let readsOn = false;
    const keep = async (bytes: Uint8Array) => {
      const deps = { ...this.deps, ttlSeconds: this.deps.outcomeTtlSeconds };
      const rest = await keepRest(deps, { ...context, call: `${roundNumber}:${call.id}` }, bytes);
      readsOn = rest !== undefined;
      return rest;
    };
    const text = isAim ? await cutText(whole, this.deps.limits.resultBytes, keep) : whole;
    return {
      text,
      ...(readsOn ? { readsOn } : {}),
      ...(media.size === 0 ? {} : { media: [...media.values()] }),
      ...(result.failure === undefined ? {} : { failure: result.failure }),
      ...(isAim && aim.name !== call.name ? { ran: aim.name } : {}),
      ...(cached === true ? { cached } : {}),
    };
  }

  /** A call that the caller may not make becomes its refusal, and leaves a line in the log. */
  private permitted(context: CallContext, call: ToolCall, aim: Aim | ToolResult): Aim | ToolResult {
    const isAim = 'tool' in aim;
    const refused = isAim ? context.access.refusal(aim.name, aim.arguments) : undefined;
    if (isAim && refused === undefined) return aim;
    if (!isAim && aim.failure !== 'denied') return aim;
    const { alias, user, team } = context.caller;
    this.deps.log.info('a tool call was denied', {
      decision: 'denied',
      reason: isAim ? 'argument' : 'tool',
      tool: (isAim ? aim.name : call.name).slice(0, 128),
      turn: context.turn,
      ...(alias === undefined ? {} : { key_alias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
    return isAim ? textResult(`The tool ${aim.name} was not run: ${refused}.`, 'denied') : aim;
  }

  private async result(
    context: CallContext,
    roundNumber: number,
    call: ToolCall,
    aim: Aim,
    watch: CallWatch | undefined,
  ): Promise<Ran> {
    const key = createHash('sha256')
      .update(`${context.turn}\0${roundNumber}\0${call.id}`)
      .digest('hex')
      .slice(0, 40);
    const digest = createHash('sha256').update(call.name).update('\0').update(call.arguments).digest('hex');
    const local = `${context.scope}:${key}:${digest}`;
    const already = this.running.get(local);
    if (already !== undefined) return already;
    const running = this.once(context, aim, key, digest, watch).finally(() => this.running.delete(local));
    this.running.set(local, running);
    return running;
  }

  /** Claim, run, record. Without a working store the call runs all the same: the client is waiting. */
  private async once(
    context: CallContext,
    { tool, arguments: args }: Aim,
    key: string,
    digest: string,
    watch: CallWatch | undefined,
  ): Promise<Ran> {
    const { store, outcomeTtlSeconds } = this.deps;
    try {
      const claim = await store.claim(context.scope, key, outcomeTtlSeconds);
      if (claim.state === 'recorded' && claim.call.digest === digest) return { result: claim.call.result };
      if (claim.state === 'running') {
        const found = await this.await(context, key, digest);
        if (found !== undefined) return { result: found.result };
        if (!mayRepeat(tool)) {
          return {
            result: textResult(
              `It is not known whether the call of ${tool.tool} ran, so it was not run again. Check before you repeat it.`,
              'unknown_fate',
            ),
          };
        }
      }
    } catch (error) {
      this.deps.log.warn('a call runs without a claim: the store failed', {
        error,
        server: tool.server,
        tool: tool.tool,
      });
    }
    const ran = await this.kept(context, tool, args, () => this.atServer(context, tool, args, watch));
    const { result } = ran;
    await store.record(context.scope, key, { digest, result }, outcomeTtlSeconds).catch((error: unknown) =>
      this.deps.log.warn('the outcome of a call was not recorded', {
        error,
        server: tool.server,
        tool: tool.tool,
      }),
    );
    return ran;
  }

  /** A result that is kept, or what `run` gives. Under a client's own credentials nothing is kept or given. */
  private async kept(
    context: CallContext,
    tool: HostTool,
    args: JsonObject,
    run: () => Promise<ToolResult>,
  ): Promise<Ran> {
    const { endUser, serverHeaders } = context.caller;
    if (serverHeaders?.[tool.server] !== undefined) return { result: await run() };
    const identity = endUser === undefined ? {} : { identity: endUser };
    return throughCache(this.deps, { scope: context.scope, tool, arguments: args, ...identity }, run);
  }

  /** Runs the call at its server when its turn has come. */
  private atServer(
    context: CallContext,
    tool: HostTool,
    args: JsonObject,
    watch: CallWatch | undefined,
  ): Promise<ToolResult> {
    return context.gate.execute(() =>
      context.signal.aborted
        ? Promise.resolve(
            textResult(`The tool ${tool.tool} was not run: the time for this turn is used up.`, 'timeout'),
          )
        : this.deps.host.call({
            server: tool.server,
            tool: tool.tool,
            arguments: args,
            signal: context.signal,
            timeoutMs: this.deps.limits.callMs,
            ...(watch === undefined ? {} : { onProgress: watch.progress }),
            ...forServer(context.caller, tool.server, context.turn),
            maxTimeoutMs: this.deps.limits.callMaxMs,
            ...(context.trace === undefined ? {} : { trace: context.trace }),
          }),
    );
  }

  /** Waits for the outcome of a call that another replica is running. */
  private async await(context: CallContext, key: string, digest: string): Promise<RecordedCall | undefined> {
    const until = performance.now() + this.deps.limits.callMaxMs;
    while (performance.now() < until && !context.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      const claim = await this.deps.store
        .claim(context.scope, key, this.deps.outcomeTtlSeconds)
        .catch(() => undefined);
      if (claim?.state === 'recorded') return claim.call.digest === digest ? claim.call : undefined;
      if (claim?.state !== 'running') return undefined;
    }
    return undefined;
  }
}

/** The one use of a server's hints: whether a call whose fate is unknown may be made again. */
function mayRepeat(tool: HostTool): boolean {
  return tool.annotations?.['readOnlyHint'] === true || tool.annotations?.['idempotentHint'] === true;
}
