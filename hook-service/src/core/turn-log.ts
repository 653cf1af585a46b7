import type { Observation, Observer } from './observer';
import type { FailureKind } from './ports';
import type { Prices } from './prices';
import { toolSums, type ToolSum } from './tool-sums';
import type { TurnEnd } from './turn';
import { TurnStories, type CallStory, type RoundStory, type Story } from './turn-stories';
import type { Tokens } from './usage';

/** One round of a turn; times in milliseconds, `at_ms` since the turn began. */
export interface RoundRecord {
  readonly round: number;
  readonly at_ms: number;
  /** Absent while it goes on. Of round 1 only what came behind its first call. */
  readonly ms?: number;
  /** Calls of ours and of the client's. */
  readonly ours: number;
  readonly theirs: number;
  readonly tokens?: Tokens;
  /** How long its calls ran while the model still wrote. */
  readonly eager_ms: number;
  /** What LiteLLM logged of it: cost in dollars, and how long the model took. Absent until it did. */
  readonly cost_usd?: number;
  readonly model_ms?: number;
}

/** One call of a turn. */
export interface CallRecord {
  /** Position in the turn, from 0 on. */
  readonly number: number;
  readonly round: number;
  readonly id: string;
  /** The name that the model called, or what `call_tool` called. */
  readonly tool: string;
  readonly server?: string;
  readonly at_ms: number;
  readonly ms: number;
  /** Absent: it is over. */
  readonly running?: true;
  readonly wait_ms: number;
  readonly failure?: FailureKind;
  readonly cached?: true;
  readonly replayed?: true;
  readonly cut?: true;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly cost_usd: number;
}

/** What is remembered of a turn for the people who run Toolturn: numbers and names, no text of anybody. */
export interface TurnRecord {
  readonly turn: string;
  readonly call_id?: string;
  readonly conversation?: string;
  readonly scope: string;
  readonly key?: string;
  readonly user?: string;
  readonly team?: string;
  readonly client?: string;
  readonly model: string;
  readonly dialect: string;
  readonly stream: boolean;
  /** Milliseconds since 1970. */
  readonly started_at: number;
  readonly ms: number;
  readonly end: TurnEnd | 'error' | 'gone' | 'running';
  readonly error?: string;
  readonly rounds: number;
  readonly calls: readonly CallRecord[];
  /** The rounds one by one. */
  readonly steps: readonly RoundRecord[];
  /** Calls that the client was given to run. */
  readonly handed_back: number;
  readonly tokens: Tokens;
  /** Of `tokens`: all rounds but the last. */
  readonly hidden_tokens: Tokens;
  /** How long the answer stood still for tools. */
  readonly held_ms: number;
  /** What the models cost as LiteLLM says, and the tools as the config does, in dollars. */
  readonly cost_usd: number;
  readonly cost_tools_usd: number;
}

/** A turn in a list: everything but its rounds and calls one by one. */
export type TurnSummary = Omit<TurnRecord, 'calls' | 'steps'> & {
  readonly calls: number;
  readonly failed_calls: number;
};

const nothing: Tokens = { input: 0, output: 0, cached: 0 };
const longestName = 128;
/** More than any turn is allowed by default. */
const mostCalls = 1000;

/** The last turns of this replica, by our id and by LiteLLM's id of the request; those that still go on as well. */
export class TurnLog implements Observer {
  private readonly stories: TurnStories;

  constructor(capacity = 500, prices: () => Prices = () => ({})) {
    this.stories = new TurnStories({ turns: capacity, calls: mostCalls, prices });
  }

  observe(observation: Observation): void {
    this.stories.take(observation);
  }

  /** By our id of the turn, also as metrics write it (`t-<id>`), or LiteLLM's id of the request. */
  find(id: string): TurnRecord | undefined {
    const turn = id.startsWith('t-') ? id.slice(2) : id;
    const story = this.stories.get(turn) ?? this.stories.all().find(({ of }) => of.callId === id);
    return story === undefined ? undefined : recordOf(story);
  }

  /** The last turns, newest first; those of one conversation only, where one is named. */
  recent(limit: number, conversation?: string): readonly TurnSummary[] {
    const all = this.stories.all();
    const fitting =
      conversation === undefined ? all : all.filter(({ of }) => of.conversation === conversation);
    return fitting.slice(0, limit).map((story) => {
      const { calls, steps: _steps, ...rest } = recordOf(story);
      const failed = calls.filter(({ failure }) => failure !== undefined);
      return { ...rest, calls: calls.length, failed_calls: failed.length };
    });
  }

  /** What the calls of all these turns came to, by tool. */
  tools(): readonly ToolSum[] {
    return toolSums([...this.stories.all()].reverse().flatMap(({ calls }) => calls.map(callRecord)));
  }
}

function callRecord({ call, end, at, bytesIn, costUsd }: CallStory): CallRecord {
  return {
    number: call.number,
    round: call.round,
    id: call.id.slice(0, longestName),
    tool: (end?.ran ?? call.name).slice(0, longestName),
    ...(call.server === undefined ? {} : { server: call.server }),
    at_ms: at,
    ms: end?.milliseconds ?? 0,
    ...(end === undefined ? { running: true } : {}),
    wait_ms: end?.waitedMs ?? 0,
    ...(end?.failure === undefined ? {} : { failure: end.failure }),
    ...(end?.cached === true ? { cached: true } : {}),
    ...(end?.replayed === true ? { replayed: true } : {}),
    ...(end?.cut === true ? { cut: true } : {}),
    bytes_in: end?.bytesIn ?? bytesIn,
    bytes_out: end?.bytesOut ?? 0,
    cost_usd: costUsd,
  };
}

function roundRecord({
  round,
  at,
  ms,
  ours,
  theirs,
  tokens,
  eagerMs,
  costUsd,
  modelMs,
}: RoundStory): RoundRecord {
  return {
    round,
    at_ms: at,
    ...(ms === undefined ? {} : { ms }),
    ours,
    theirs,
    ...(tokens === undefined ? {} : { tokens }),
    eager_ms: eagerMs,
    ...(costUsd === undefined ? {} : { cost_usd: costUsd }),
    ...(modelMs === undefined ? {} : { model_ms: modelMs }),
  };
}

function recordOf({ id, of, startedAt, finished, ...story }: Story): TurnRecord {
  const { callId, conversation, keyAlias, user, team, client, scope, model, dialect, stream } = of;
  const tokens = story.rounds.map((round) => round.tokens ?? nothing);
  return {
    turn: id,
    ...(callId === undefined ? {} : { call_id: callId }),
    ...(conversation === undefined ? {} : { conversation }),
    scope,
    ...(keyAlias === undefined ? {} : { key: keyAlias }),
    ...(user === undefined ? {} : { user }),
    ...(team === undefined ? {} : { team }),
    ...(client === undefined ? {} : { client }),
    model,
    dialect,
    stream,
    started_at: startedAt,
    ms: finished?.milliseconds ?? Date.now() - startedAt,
    end: finished?.end ?? 'running',
    ...(finished?.error === undefined ? {} : { error: finished.error }),
    rounds: story.rounds.filter(({ ms }) => ms !== undefined).length,
    calls: story.calls.map(callRecord),
    steps: story.rounds.map(roundRecord),
    handed_back: finished?.handedBack ?? 0,
    tokens: tokens.reduce(addTokens, nothing),
    hidden_tokens: tokens.slice(0, -1).reduce(addTokens, nothing),
    held_ms: story.heldMs,
    cost_usd: story.costUsd,
    cost_tools_usd: story.costToolsUsd,
  };
}

/** Tokens of two model calls together. */
function addTokens(one: Tokens, other: Tokens): Tokens {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cached: one.cached + other.cached,
  };
}
