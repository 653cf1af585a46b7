import type { CallEnd, CallFacts, ModelCall, Observation, Observer, TurnFacts } from './observer';
import type { FailureKind } from './ports';
import { callPrice, type Prices } from './prices';
import { toolSums, type ToolSum } from './tool-sums';
import type { TurnEnd } from './turn';
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

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };
type Story = Writable<Omit<TurnRecord, 'calls' | 'steps' | 'ms' | 'tokens' | 'hidden_tokens'>> & {
  ms: number | undefined;
  calls: Writable<CallRecord>[];
  steps: Writable<RoundRecord>[];
};

const nothing: Tokens = { input: 0, output: 0, cached: 0 };
/** Model calls that are remembered until their turn is told of. */
const earlyCalls = 500;

/** The last turns of this replica, by our id and by LiteLLM's id of the request; those that still go on as well. */
export class TurnLog implements Observer {
  private readonly stories = new Map<string, Story>();
  private readonly byCallId = new Map<string, string>();
  private readonly early = new Map<string, ModelCall[]>();

  constructor(
    private readonly capacity = 500,
    private readonly prices: () => Prices = () => ({}),
  ) {}

  observe(observation: Observation): void {
    const { of, at } = observation;
    const { turn } = of;
    if (turn === undefined || observation.type === 'request') return;
    if (observation.type === 'turn_started') this.begin(turn, of, at);
    const story = this.stories.get(turn);
    if (story !== undefined) this.tell(story, observation);
    else if (observation.type === 'model_called') this.keepEarly(turn, observation.model);
  }

  /** By our id of the turn, also as metrics write it (`t-<id>`), or LiteLLM's id of the request. */
  find(id: string): TurnRecord | undefined {
    const turn = id.startsWith('t-') ? id.slice(2) : id;
    const story = this.stories.get(turn) ?? this.stories.get(this.byCallId.get(id) ?? '');
    return story === undefined ? undefined : recordOf(story);
  }

  /** The last turns, newest first; those of one conversation only, where one is named. */
  recent(limit: number, conversation?: string): readonly TurnSummary[] {
    const all = [...this.stories.values()].reverse();
    const fitting =
      conversation === undefined ? all : all.filter((story) => story.conversation === conversation);
    return fitting.slice(0, limit).map((story) => {
      const { calls, steps: _steps, ...rest } = recordOf(story);
      const failed = calls.filter(({ failure }) => failure !== undefined);
      return { ...rest, calls: calls.length, failed_calls: failed.length };
    });
  }

  /** What the calls of all these turns came to, by tool. */
  tools(): readonly ToolSum[] {
    return toolSums([...this.stories.values()].flatMap(({ calls }) => calls));
  }

  private begin(turn: string, of: TurnFacts, at: number): void {
    const { callId, conversation, keyAlias, user, team, client, scope, model, dialect, stream } = of;
    this.stories.delete(turn);
    this.stories.set(turn, {
      turn,
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
      started_at: at,
      ms: undefined,
      end: 'running',
      rounds: 0,
      calls: [],
      steps: [],
      handed_back: 0,
      held_ms: 0,
      cost_usd: 0,
      cost_tools_usd: 0,
    });
    if (callId !== undefined) this.byCallId.set(callId, turn);
    for (const [oldest, story] of this.stories) {
      if (this.stories.size <= this.capacity) break;
      this.stories.delete(oldest);
      if (story.call_id !== undefined) this.byCallId.delete(story.call_id);
    }
    const story = this.stories.get(turn);
    for (const model of this.early.get(turn) ?? []) if (story !== undefined) modelCalled(story, model);
  }

  private beginRound(story: Story, round: number, at: number): void {
    const step = { round, at_ms: at, ours: 0, theirs: 0, eager_ms: 0 };
    story.steps.push(step);
    // The turn has their cost already, but the round was not there.
    for (const model of this.early.get(story.turn) ?? []) if (model.round === round) addModel(step, model);
    this.early.delete(story.turn);
  }

  private keepEarly(turn: string, model: ModelCall): void {
    this.early.set(turn, [...(this.early.get(turn) ?? []), model]);
    const [oldest] = this.early.keys();
    if (this.early.size > earlyCalls && oldest !== undefined) this.early.delete(oldest);
  }

  private tell(story: Story, observation: Observation): void {
    const at = observation.at - story.started_at;
    switch (observation.type) {
      case 'round_started':
        closeGap(story, at);
        this.beginRound(story, observation.round, at);
        return;
      case 'round_finished': {
        const step = story.steps.find(({ round }) => round === observation.round);
        if (step === undefined) return;
        const { milliseconds: ms, ours, theirs, tokens, eagerMs } = observation;
        Object.assign(step, { ms, ours, theirs, eager_ms: eagerMs, ...(tokens && { tokens }) });
        return;
      }
      case 'call_started':
        story.calls.push(begunCall(observation.call, at));
        return;
      case 'call_finished': {
        const { call, end } = observation;
        const record = story.calls.find(({ number }) => number === call.number);
        if (record === undefined) return;
        delete record.running;
        Object.assign(record, endedCall(call, end), { cost_usd: callPrice(this.prices(), call, end) });
        story.cost_tools_usd += record.cost_usd;
        return;
      }
      case 'model_called':
        modelCalled(story, observation.model);
        return;
      case 'turn_finished': {
        closeGap(story, at);
        const { end, milliseconds, handedBack, error } = observation;
        Object.assign(story, { end, ms: milliseconds, handed_back: handedBack, ...(error && { error }) });
        return;
      }
      case 'turn_started':
      case 'call_progress':
      case 'request':
    }
  }
}

function begunCall(call: CallFacts, at: number): Writable<CallRecord> {
  return {
    number: call.number,
    round: call.round,
    id: call.id.slice(0, 128),
    tool: call.name.slice(0, 128),
    ...(call.server === undefined ? {} : { server: call.server }),
    at_ms: at,
    ms: 0,
    running: true,
    wait_ms: 0,
    bytes_in: Buffer.byteLength(call.arguments),
    bytes_out: 0,
    cost_usd: 0,
  };
}

function endedCall(call: CallFacts, end: CallEnd): Partial<CallRecord> {
  return {
    tool: (end.ran ?? call.name).slice(0, 128),
    ms: end.milliseconds,
    wait_ms: end.waitedMs,
    bytes_in: end.bytesIn,
    bytes_out: end.bytesOut,
    ...(end.failure === undefined ? {} : { failure: end.failure }),
    ...(end.cached ? { cached: true } : {}),
    ...(end.replayed ? { replayed: true } : {}),
    ...(end.cut ? { cut: true } : {}),
  };
}

/** What passed since the last round ended: the answer stood still for tools. */
function closeGap(story: Story, at: number): void {
  const last = story.steps.at(-1);
  if (last?.ms !== undefined) story.held_ms += Math.max(at - last.at_ms - last.ms, 0);
}

function modelCalled(story: Story, model: ModelCall): void {
  story.cost_usd += model.costUsd;
  const step = story.steps.find(({ round }) => round === model.round);
  if (step !== undefined) addModel(step, model);
}

function addModel(step: Writable<RoundRecord>, model: ModelCall): void {
  step.cost_usd = (step.cost_usd ?? 0) + model.costUsd;
  step.model_ms = model.milliseconds;
}

function recordOf(story: Story): TurnRecord {
  const tokens = story.steps.map((step) => step.tokens ?? nothing);
  return {
    ...story,
    ms: story.ms ?? Date.now() - story.started_at,
    rounds: story.steps.filter(({ ms }) => ms !== undefined).length,
    tokens: tokens.reduce(addTokens, nothing),
    hidden_tokens: tokens.slice(0, -1).reduce(addTokens, nothing),
    calls: story.calls.map((call) => ({ ...call })),
    steps: story.steps.map((step) => ({ ...step })),
  };
}

/** Tokens of two model calls together. */
export function addTokens(one: Tokens, other: Tokens): Tokens {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cached: one.cached + other.cached,
  };
}
