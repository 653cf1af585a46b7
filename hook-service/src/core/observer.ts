import type { Decider, Decision, WaitingCall } from './approvals';
import type { Outcome, ToolCall } from './dialect';
import { logFailure } from './failure-policy';
import type { TurnsLimit } from './overload';
import type { FailureKind, HostTool, Log, Scope, ToolProgress, TraceContext } from './ports';
import type { TurnSpan } from './trace';
import type { TurnEnd } from './turn';
import type { Tokens } from './usage';
import type { CallWatch } from './work';

/** What is known of a turn from its beginning on. Names and ids; no text of anybody, and no credential. */
export interface TurnFacts {
  /** Absent: outside of any turn, as a call at `/v1/tools` or `/mcp`, or a request that got no tools. */
  readonly turn?: string;
  /** LiteLLM's id of the client's request. */
  readonly callId?: string;
  /** A digest that all turns of one conversation share (`conversation.ts`). */
  readonly conversation?: string;
  readonly scope: Scope;
  readonly keyAlias?: string;
  readonly user?: string;
  readonly team?: string;
  readonly dialect: string;
  readonly stream: boolean;
  /** The model's public name, as the client asked for it. */
  readonly model: string;
  /** The client's `user-agent`, its first word. */
  readonly client?: string;
  readonly trace?: TraceContext;
  /** Absent: nobody collects traces. */
  readonly span?: TurnSpan;
}

/** One call of ours, or one that was to be ours. */
export interface CallFacts {
  /** Position in the turn, from 0 on, in the order in which calls began. */
  readonly number: number;
  readonly round: number;
  readonly id: string;
  /** The name that the model called. */
  readonly name: string;
  /** Server and tool behind it; absent where there is none, or not yet known. */
  readonly server?: string;
  readonly tool?: string;
  /** JSON, as it runs. Sensitive: for those who have opted in. */
  readonly arguments: string;
}

/** What a call came to. */
export interface CallEnd {
  readonly failure?: FailureKind;
  /** The tool that ran, where the model called another one (`call_tool`). */
  readonly ran?: string;
  /** From its first to its last moment, waiting included. */
  readonly milliseconds: number;
  /** From when its tool was known until it went to its server: claim and queue. */
  readonly waitedMs: number;
  /** True where a kept result was given. */
  readonly cached: boolean;
  /** True where the outcome of the same call, made before, was given. */
  readonly replayed: boolean;
  /** True where the result was too long for the model and was cut. */
  readonly cut: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** How many secrets were taken out of the result, by the name of their pattern; absent: none. */
  readonly masked?: Readonly<Record<string, number>>;
  /** What the model reads. Sensitive: for those who have opted in. */
  readonly text: string;
}

/** Whose cost something is. */
export type LoggedCost = Pick<TurnFacts, 'scope' | 'turn' | 'conversation'>;

/** What was done with a request before the model was asked. */
export interface RequestFacts {
  readonly decision: 'armed' | 'passed' | 'rejected';
  /** The limit on turns at once for which it was refused. */
  readonly refused?: TurnsLimit;
  readonly milliseconds: number;
  /** Tools of ours in it, and an estimate of what they cost in tokens. */
  readonly offered: number;
  readonly offeredTokens: number;
  /** Past answers that the ledger knew and did not know, and how much of them was put back. */
  readonly ledgerHits: number;
  readonly ledgerMisses: number;
  readonly restoredBytes: number;
}

/** One call of a model, as LiteLLM logged it. */
export interface ModelCall {
  /** Absent: outside of any turn, or not known. */
  readonly round?: number;
  /** True where hidden rounds had been put back into the request. */
  readonly restored: boolean;
  readonly failed: boolean;
  readonly milliseconds: number;
  readonly tokens: Tokens;
  readonly costUsd: number;
  /** True where LiteLLM answered from its own cache. */
  readonly cacheHit: boolean;
  /** True where the call was told of before, without its turn. */
  readonly again: boolean;
}

/** A question to a person about calls of one round, or what was decided about it. */
export interface ApprovalFacts {
  readonly state: 'asked' | Decision['kind'];
  readonly code: string;
  /** With their arguments. Sensitive: for those who have opted in. */
  readonly calls: readonly WaitingCall[];
  /** Who decided; absent where somebody is asked. */
  readonly by?: Decider;
}

/** What happens in a turn, and beside one. */
export type TurnEvent =
  | { readonly type: 'approval'; readonly approval: ApprovalFacts }
  | { readonly type: 'request'; readonly request: RequestFacts }
  | { readonly type: 'model_called'; readonly model: ModelCall }
  | { readonly type: 'turn_started' }
  | { readonly type: 'round_started'; readonly round: number }
  | {
      readonly type: 'round_finished';
      readonly round: number;
      readonly milliseconds: number;
      /** Calls of ours and of the client's in it. */
      readonly ours: number;
      readonly theirs: number;
      readonly tokens?: Tokens;
      /** How long calls of this round ran before the model had written its end, summed. */
      readonly eagerMs: number;
    }
  | { readonly type: 'call_started'; readonly call: CallFacts }
  | { readonly type: 'call_progress'; readonly call: CallFacts; readonly progress: ToolProgress }
  | { readonly type: 'call_finished'; readonly call: CallFacts; readonly end: CallEnd }
  | {
      readonly type: 'turn_finished';
      readonly end: TurnEnd | 'error' | 'gone';
      readonly milliseconds: number;
      readonly rounds: number;
      readonly calls: number;
      /** Calls that the client was given to run. */
      readonly handedBack: number;
      readonly error?: string;
    };

/** An event, of which turn it is and when it happened (milliseconds since 1970). */
export type Observation = TurnEvent & { readonly of: TurnFacts; readonly at: number };

/**
 * Whoever watches turns: metrics, traces, the console, the audit trail. Called on the request path: it takes what it
 * is given, returns at once, and does its work later.
 */
export interface Observer {
  observe(observation: Observation): void;
}

/** Tells several observers. One that throws costs the others and the turn nothing; it is logged once. */
export function observers(all: readonly Observer[], log: Log): Observer {
  const failed = new WeakSet<Observer>();
  return {
    observe(observation) {
      for (const observer of all) {
        try {
          observer.observe(observation);
        } catch (error) {
          if (!failed.has(observer)) logFailure(log, 'observer', 'failed', { error });
          failed.add(observer);
        }
      }
    },
  };
}

/** How long what happens waits to be told, in milliseconds: until a turn waits for its model. */
const behindMs = 10;

/** An observer that hears of things a little later. */
export interface LaterObserver extends Observer {
  /** Tells at once what is left. */
  flush(): void;
}

/**
 * Tells an observer a little later, in order: what a turn has to do comes first, and the observer works while the turn
 * waits.
 */
export function afterwards(observer: Observer): LaterObserver {
  let waiting: Observation[] = [];
  const flush = (): void => {
    const told = waiting;
    waiting = [];
    for (const each of told) observer.observe(each);
  };
  return {
    observe(observation) {
      if (waiting.push(observation) === 1) setTimeout(flush, behindMs);
    },
    flush,
  };
}

/** Tells of one turn. */
export function turnObserver(
  observer: Observer,
  of: TurnFacts,
  now: () => number = Date.now,
): (event: TurnEvent) => void {
  return (event) => observer.observe({ ...event, of, at: now() });
}

/** Follows one call and tells of it. `find` gives the tool behind the name of a call that could not run. */
export function observedCall(
  tell: (event: TurnEvent) => void,
  call: ToolCall,
  place: Pick<CallFacts, 'number' | 'round'>,
  find?: () => HostTool | undefined,
): CallWatch {
  let seen: CallFacts | undefined;
  let [known, running] = [0, 0];
  const begin = (args: string, tool?: HostTool): CallFacts => {
    const named = tool === undefined ? {} : { server: tool.server, tool: tool.tool };
    const facts = { ...place, id: call.id, name: call.name, ...named, arguments: args };
    tell({ type: 'call_started', call: facts });
    return facts;
  };
  return {
    started: (tool, args) => {
      known = performance.now();
      seen ??= begin(args, tool);
    },
    running: () => {
      running = performance.now();
    },
    progress: (progress) => {
      if (seen !== undefined) tell({ type: 'call_progress', call: seen, progress });
    },
    finished: (outcome) => {
      // A call that could not run is told of when it is over.
      seen ??= begin(call.arguments, find?.());
      const waitedMs = Math.round(Math.max(running - known, 0));
      tell({ type: 'call_finished', call: seen, end: endOf(outcome, seen, waitedMs) });
    },
  };
}

function endOf(outcome: Outcome, { arguments: args }: CallFacts, waitedMs: number): CallEnd {
  const { failure, ran, milliseconds, cached, replayed, text } = outcome;
  return {
    ...(failure === undefined ? {} : { failure }),
    ...(ran === undefined ? {} : { ran }),
    milliseconds,
    waitedMs,
    cached: cached === true,
    replayed: replayed === true,
    cut: outcome.readsOn === true,
    bytesIn: Buffer.byteLength(args),
    bytesOut: Buffer.byteLength(text),
    ...(outcome.masked === undefined ? {} : { masked: outcome.masked }),
    text,
  };
}

/** Two that follow the same call. */
export function bothWatch(one: CallWatch, other: CallWatch | undefined): CallWatch {
  if (other === undefined) return one;
  return {
    started: (tool, args) => {
      one.started(tool, args);
      other.started(tool, args);
    },
    running: () => {
      one.running?.();
      other.running?.();
    },
    progress: (progress) => {
      one.progress(progress);
      other.progress(progress);
    },
    finished: (outcome) => {
      one.finished(outcome);
      other.finished(outcome);
    },
  };
}
