import type {
  CallEnd,
  CallFacts,
  ModelCall,
  Observation,
  RequestFacts,
  TurnEvent,
  TurnFacts,
} from './observer';
import type { ToolProgress } from './ports';
import { callPrice, type Prices } from './prices';
import type { Tokens } from './usage';

/** One round of a turn. Times in milliseconds, `at` since the turn began. */
export interface RoundStory {
  readonly round: number;
  readonly at: number;
  /** Absent while the model writes. Of round 1 only what came behind its first call. */
  ms?: number;
  /** Calls of ours and of the client's. */
  ours: number;
  theirs: number;
  /** How long its calls ran while the model still wrote. */
  eagerMs: number;
  tokens?: Tokens;
  /** What LiteLLM logged of it: dollars, and how long the model took. Absent until it did. */
  costUsd?: number;
  modelMs?: number;
}

/** One call of a turn. */
export interface CallStory {
  readonly call: Omit<CallFacts, 'arguments'>;
  readonly bytesIn: number;
  at: number;
  /** Absent while it runs. */
  end?: Omit<CallEnd, 'text'>;
  /** By the price of its tool, in dollars. */
  costUsd: number;
  /** The last that was told of it; absent once it is over. */
  progress?: ToolProgress;
  /** Only where texts are kept. */
  arguments?: string;
  text?: string;
}

/** What happened in a turn so far. */
export interface Story {
  readonly id: string;
  readonly of: TurnFacts;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Absent while it runs. */
  finished?: Extract<TurnEvent, { readonly type: 'turn_finished' }>;
  readonly rounds: RoundStory[];
  readonly calls: CallStory[];
  /** Calls beyond those that are kept. */
  moreCalls: number;
  /** How long the answer stood still for tools. */
  heldMs: number;
  /** What its models and its tools cost so far, in dollars. LiteLLM tells of a model call after it. */
  costUsd: number;
  costToolsUsd: number;
  /** What was done with the request before the model was asked. */
  readonly request?: RequestFacts;
}

export interface TurnStoriesOptions {
  /** Most turns that are kept; one that runs goes last. */
  readonly turns: number;
  /** Most calls of one turn that are kept. */
  readonly calls: number;
  /** What calls of tools cost now. */
  readonly prices?: (() => Prices) | undefined;
  /** What is kept of arguments and results. Absent: nothing. */
  readonly text?: ((text: string) => string) | undefined;
}

/** What is known of a request whose model has called no tool yet; most of them never become a turn. */
interface Early {
  request?: RequestFacts;
  readonly models: ModelCall[];
}

/** Requests that are remembered until their turn begins. */
const earlyRequests = 500;

/** The turns that run and the last ones that ran, put together from what observers are told. Bounded. */
export class TurnStories {
  private readonly stories = new Map<string, Story>();
  private readonly early = new Map<string, Early>();

  constructor(private readonly options: TurnStoriesOptions) {}

  /** Takes an event in; gives the turn that it is of, unless none is known. Calls outside of any turn are no turn. */
  take(event: Observation): Story | undefined {
    const id = event.of.turn;
    if (id === undefined) return undefined;
    if (event.type === 'turn_started') this.begin(id, event);
    const story = this.stories.get(id);
    if (story === undefined) this.keepEarly(id, event);
    else this.tell(story, event, event.at - story.startedAt);
    return story;
  }

  get(id: string): Story | undefined {
    return this.stories.get(id);
  }

  /** Newest first. */
  all(): readonly Story[] {
    return [...this.stories.values()].reverse();
  }

  private keepEarly(id: string, event: Observation): void {
    if (event.type !== 'request' && event.type !== 'model_called') return;
    const early = this.early.get(id) ?? { models: [] };
    if (event.type === 'request') early.request = event.request;
    else early.models.push(event.model);
    this.early.set(id, early);
    const [oldest] = this.early.keys();
    if (this.early.size > earlyRequests && oldest !== undefined) this.early.delete(oldest);
  }

  private begin(id: string, { of, at }: Observation): void {
    const early = this.early.get(id);
    this.stories.delete(id);
    this.stories.set(id, {
      ...{ id, of, startedAt: at, rounds: [], calls: [] },
      ...{ moreCalls: 0, heldMs: 0, costToolsUsd: 0 },
      costUsd: (early?.models ?? []).reduce((total, { costUsd }) => total + costUsd, 0),
      ...(early?.request === undefined ? {} : { request: early.request }),
    });
    if (this.stories.size <= this.options.turns) return;
    const over = [...this.stories.values()].find(({ finished }) => finished !== undefined);
    const oldest = over?.id ?? this.stories.keys().next().value;
    if (oldest !== undefined) this.stories.delete(oldest);
  }

  private tell(story: Story, event: Observation, at: number): void {
    switch (event.type) {
      case 'round_started':
        closeGap(story, at);
        this.beginRound(story, event.round, at);
        return;
      case 'round_finished': {
        const { round: number, milliseconds: ms, ours, theirs, eagerMs, tokens } = event;
        const round = story.rounds.find((each) => each.round === number);
        if (round !== undefined)
          Object.assign(round, { ms, ours, theirs, eagerMs, ...(tokens && { tokens }) });
        return;
      }
      case 'call_started':
        this.beginCall(story, event.call, at);
        return;
      case 'call_progress': {
        const call = callOf(story, event.call);
        if (call !== undefined) call.progress = event.progress;
        return;
      }
      case 'call_finished':
        this.endCall(story, event.call, event.end, at);
        return;
      case 'model_called': {
        story.costUsd += event.model.costUsd;
        const round = story.rounds.find((each) => each.round === event.model.round);
        if (round !== undefined) addModel(round, event.model);
        return;
      }
      case 'turn_finished':
        closeGap(story, at);
        story.finished = event;
        return;
      case 'turn_started':
      case 'approval':
      case 'request':
    }
  }

  private beginRound(story: Story, number: number, at: number): void {
    const round: RoundStory = { round: number, at, ours: 0, theirs: 0, eagerMs: 0 };
    story.rounds.push(round);
    // A model's first call is over, and may be logged, before anybody knows of a turn.
    for (const model of this.early.get(story.id)?.models ?? [])
      if (model.round === number) addModel(round, model);
    this.early.delete(story.id);
  }

  private beginCall(story: Story, { arguments: args, ...call }: CallFacts, at: number): void {
    if (story.calls.length >= this.options.calls) {
      story.moreCalls += 1;
      return;
    }
    const { text } = this.options;
    story.calls.push({
      ...{ call, at, costUsd: 0, bytesIn: Buffer.byteLength(args) },
      ...(text === undefined ? {} : { arguments: text(args) }),
    });
  }

  private endCall(story: Story, facts: CallFacts, { text, ...end }: CallEnd, at: number): void {
    const costUsd = callPrice(this.options.prices?.() ?? {}, facts, end);
    story.costToolsUsd += costUsd;
    const call = callOf(story, facts);
    if (call === undefined) return;
    // It is told of when its tool is known, which is not its first moment.
    call.at = Math.min(call.at, Math.max(0, at - end.milliseconds));
    Object.assign(call, { end, costUsd });
    if (this.options.text !== undefined) call.text = this.options.text(text);
    delete call.progress;
  }
}

function callOf(story: Story, { number }: CallFacts): CallStory | undefined {
  return story.calls.find(({ call }) => call.number === number);
}

/** What passed since the last round ended: the answer stood still for tools. */
function closeGap(story: Story, at: number): void {
  const last = story.rounds.at(-1);
  if (last?.ms !== undefined) story.heldMs += Math.max(at - last.at - last.ms, 0);
}

function addModel(round: RoundStory, model: ModelCall): void {
  round.costUsd = (round.costUsd ?? 0) + model.costUsd;
  round.modelMs = model.milliseconds;
}
