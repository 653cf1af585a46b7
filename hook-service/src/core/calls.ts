import { createHash } from 'node:crypto';
import type { OurTool } from './builtin';
import { aimOf, type AimDeps } from './builtin-aim';
import { keepRest } from './builtin-rest';
import { textResult } from './builtin-run';
import { CallPath, type Aim, type CallMaker, type CallPathDeps, type Ran } from './call-path';
import type { Outcome, ToolCall } from './dialect';
import type { CallStore, HostTool, RecordedCall, TextStore, ToolResult } from './ports';
import { pickMedia } from './result-media';
import { cutText, resultText } from './result-text';
import type { CallWatch } from './work';

/** What running calls needs; one for the whole service. */
export interface CallDeps extends AimDeps, CallPathDeps {
  readonly store: CallStore;
  readonly outcomeTtlSeconds: number;
  /** Where the rest of results that are cut is kept; absent: it is lost. */
  readonly texts?: TextStore;
}

/** Bounds how many calls run at once; the rest wait in order. */
export interface Gate {
  execute<T>(run: () => Promise<T>): Promise<T>;
}

/** A turn, as its calls are run. */
export interface CallContext extends CallMaker {
  readonly turn: string;
  /** The tool behind a name, if it was offered in this turn and the caller may use it now. */
  readonly resolve: (name: string) => OurTool | undefined;
  /** Ends when tools must stop. */
  readonly signal: AbortSignal;
  readonly gate: Gate;
}

/** How long a call that is claimed elsewhere is looked for before its fate counts as unknown. */
const pollMs = 250;

/** Runs calls, each at most once, and turns whatever happens into a result that the model can use. */
export class CallRunner {
  /** Calls of this process, so that a hook which is repeated meanwhile joins instead of running again. */
  private readonly running = new Map<string, Promise<Ran>>();
  private readonly path: CallPath;

  constructor(private readonly deps: CallDeps) {
    this.path = new CallPath(deps);
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
    const text = isAim ? await cutText(whole, this.deps.limits.resultBytes, keep) : whole;
    return {
      text,
      ...(readsOn ? { readsOn } : {}),
      ...(media.size === 0 ? {} : { media: [...media.values()] }),
      ...(result.failure === undefined ? {} : { failure: result.failure }),
      ...(result.ends === undefined ? {} : { ends: result.ends }),
      ...(isAim && aim.name !== call.name ? { ran: aim.name } : {}),
      ...(cached === true ? { cached } : {}),
      ...(replayed === true ? { replayed } : {}),
    };
  }

  /** The tool and the arguments that go to its server, or what the model is told in place of that. */
  private async aim(context: CallContext, call: ToolCall): Promise<Aim | ToolResult> {
    const aim = await aimOf(this.deps, context, call);
    if ('tool' in aim) return this.path.permitted(context, aim);
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
    aim: Aim,
    key: string,
    digest: string,
    watch: CallWatch | undefined,
  ): Promise<Ran> {
    const { store, outcomeTtlSeconds } = this.deps;
    const { tool } = aim;
    try {
      const claim = await store.claim(context.scope, key, outcomeTtlSeconds);
      if (claim.state === 'recorded' && claim.call.digest === digest)
        return { result: claim.call.result, replayed: true };
      if (claim.state === 'running') {
        const found = await this.await(context, key, digest);
        if (found !== undefined) return { result: found.result, replayed: true };
        if (!mayRepeat(tool)) return { result: unknownFate(tool) };
      }
      // A record that was encrypted with a key which is gone.
      if (claim.state === 'unreadable' && !mayRepeat(tool)) return { result: unknownFate(tool) };
    } catch (error) {
      this.deps.log.warn('a call runs without a claim: the store failed', {
        error,
        server: tool.server,
        tool: tool.tool,
      });
    }
    const ran = await this.path.run(context, aim, {
      signal: context.signal,
      queue: (run) =>
        context.gate.execute(() => {
          watch?.running?.();
          return inTime(context, tool, run);
        }),
      ...(watch === undefined ? {} : { onProgress: watch.progress }),
    });
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
  const text = `It is not known whether the call of ${tool} ran, so it was not run again. Check before you repeat it.`;
  return textResult(text, 'unknown_fate');
}

/** The one use of a server's hints: whether a call whose fate is unknown may be made again. */
function mayRepeat(tool: HostTool): boolean {
  return tool.annotations?.['readOnlyHint'] === true || tool.annotations?.['idempotentHint'] === true;
}
