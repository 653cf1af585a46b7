import type { CallView, LimitHit, RequestView, RoundView, TurnView } from '../../console-page/shapes';
import { showHidden } from '../core/hidden-text';
import type { CallFacts, ModelCall, Observation, Observer, RequestFacts, TurnFacts } from '../core/observer';
import { callPrice, type Prices } from '../core/prices';
import type { Mask } from '../core/result-safety';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Turn = Writable<Omit<TurnView, 'rounds' | 'calls'>> & {
  readonly rounds: Map<number, Writable<RoundView>>;
  readonly calls: Map<number, Writable<CallView>>;
};

export interface TurnBoardOptions {
  /** True: arguments and results are kept too, as `mask` leaves them. */
  readonly content: boolean;
  readonly mask: Mask;
  /** What calls of tools cost now. */
  readonly prices?: () => Prices;
  /** Most turns that are kept; one that runs goes last. */
  readonly turns?: number;
  /** Most calls of one turn that are kept. */
  readonly calls?: number;
  readonly limits?: number;
}

/** What is known of a request whose model has called no tool yet; most of them never become a turn. */
interface Early {
  request?: RequestFacts;
  readonly models: ModelCall[];
}

/** Requests that are remembered until their turn begins. */
const earlyRequests = 500;
/** Longer texts are cut: the console is for looking, not for keeping. */
const longestText = 4_000;
const longestName = 200;

/**
 * The turns that run and the last ones that ran, of this process, for the people who look at the console. Names and
 * numbers; texts only where the config says so. Everything in it is bounded.
 */
export class TurnBoard implements Observer {
  private readonly turns = new Map<string, Turn>();
  private readonly early = new Map<string, Early>();
  private hits: LimitHit[] = [];
  private readonly changed = new Set<string>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: TurnBoardOptions) {}

  observe(observation: Observation): void {
    const { of, at } = observation;
    const id = of.turn;
    if (observation.type === 'request' && observation.request.refused !== undefined) {
      this.hit(namesOf(of), at, observation.request.refused);
      this.tellListeners();
    }
    // Calls outside of any turn are no turn.
    if (id === undefined) return;
    if (observation.type === 'turn_started') this.begin(observation, id);
    const turn = this.turns.get(id);
    if (turn === undefined) {
      this.keepEarly(id, observation);
      return;
    }
    this.note(turn, observation, at - turn.at);
    this.changed.add(id);
    this.tellListeners();
  }

  /** Called back, on the request path, whenever something has changed: it must return at once. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Newest first. */
  list(): readonly TurnView[] {
    return [...this.turns.values()].reverse().map(viewOf);
  }

  /** What has changed since the last time it was taken. */
  takeChanged(): readonly TurnView[] {
    const turns = [...this.changed].flatMap((id) => this.turns.get(id) ?? []);
    this.changed.clear();
    return turns.map(viewOf);
  }

  /** Newest first. */
  limitHits(): readonly LimitHit[] {
    return this.hits;
  }

  private tellListeners(): void {
    for (const listener of this.listeners) listener();
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

  private begin({ of, at }: Observation, id: string): void {
    const { callId, client, user, team } = of;
    const early = this.early.get(id);
    this.turns.set(id, {
      id,
      at,
      dialect: of.dialect,
      stream: of.stream,
      ...namesOf(of),
      ...(callId === undefined ? {} : { callId: shown(callId) }),
      ...(client === undefined ? {} : { client: shown(client) }),
      ...(user === undefined ? {} : { user: shown(user) }),
      ...(team === undefined ? {} : { team: shown(team) }),
      rounds: new Map(),
      calls: new Map(),
      moreCalls: 0,
      handedBack: 0,
      costUsd: sum((early?.models ?? []).map(({ costUsd }) => costUsd)),
      costToolsUsd: 0,
      ...(early?.request === undefined ? {} : { request: requestView(early.request) }),
    });
    const most = this.options.turns ?? 200;
    if (this.turns.size <= most) return;
    const done = [...this.turns.values()].find((turn) => turn.ms !== undefined);
    const oldest = done?.id ?? this.turns.keys().next().value;
    if (oldest !== undefined) this.turns.delete(oldest);
  }

  private note(turn: Turn, event: Observation, offset: number): void {
    switch (event.type) {
      case 'turn_started':
        return;
      case 'round_started':
        this.beginRound(turn, event.round, offset);
        return;
      case 'round_finished': {
        const { round, milliseconds, ours, theirs, tokens, eagerMs } = event;
        const begun = turn.rounds.get(round) ?? { at: Math.max(0, offset - milliseconds) };
        const counted = tokens === undefined ? {} : { tokens };
        turn.rounds.set(round, { ...begun, round, ms: milliseconds, ours, theirs, eagerMs, ...counted });
        return;
      }
      case 'call_started':
        this.startCall(turn, event.call, offset);
        return;
      case 'call_progress': {
        const call = turn.calls.get(event.call.number);
        const { progress, total, message } = event.progress;
        const of = total === undefined ? '' : ` of ${total}`;
        if (call !== undefined)
          call.progress = shown(`${progress}${of}${message === undefined ? '' : `, ${message}`}`);
        return;
      }
      case 'call_finished': {
        const { failure, milliseconds, waitedMs, cached, replayed, cut, bytesIn, bytesOut, text } = event.end;
        const costUsd = callPrice(this.options.prices?.() ?? {}, event.call, event.end);
        turn.costToolsUsd += costUsd;
        // Which limit it was stands in the text alone.
        if (failure === 'limit') this.hit(turn, event.at, 'call not run', event.call);
        const call = turn.calls.get(event.call.number);
        if (call === undefined) return;
        // It is told of when its tool is known, which is not its first moment.
        call.at = Math.min(call.at, Math.max(0, offset - milliseconds));
        Object.assign(call, {
          ms: milliseconds,
          waitedMs,
          cached,
          replayed,
          cut,
          bytesIn,
          bytesOut,
          costUsd,
        });
        if (failure !== undefined) call.failure = failure;
        if (this.options.content) call.text = this.text(text);
        delete call.progress;
        return;
      }
      case 'model_called': {
        turn.costUsd += event.model.costUsd;
        const round = turn.rounds.get(event.model.round ?? 0);
        if (round !== undefined) round.costUsd = (round.costUsd ?? 0) + event.model.costUsd;
        return;
      }
      case 'turn_finished':
        turn.ms = event.milliseconds;
        turn.end = event.end;
        turn.handedBack = event.handedBack;
        if (event.error !== undefined) turn.error = shown(event.error);
        if (event.end.startsWith('limit_')) this.hit(turn, event.at, limitNames[event.end] ?? event.end);
        return;
      case 'request':
    }
  }

  private beginRound(turn: Turn, round: number, at: number): void {
    // A model's first call is over, and may be logged, before anybody knows of a turn.
    const costs = (this.early.get(turn.id)?.models ?? []).filter((model) => model.round === round);
    this.early.delete(turn.id);
    const cost = costs.length === 0 ? {} : { costUsd: sum(costs.map(({ costUsd }) => costUsd)) };
    turn.rounds.set(round, { round, at, ours: 0, theirs: 0, eagerMs: 0, ...cost });
  }

  private startCall(turn: Turn, call: CallFacts, at: number): void {
    if (turn.calls.size >= (this.options.calls ?? 200)) {
      turn.moreCalls += 1;
      return;
    }
    const { number, round, name, server, tool } = call;
    turn.calls.set(number, {
      number,
      round,
      name: shown(name),
      ...(server === undefined ? {} : { server: shown(server) }),
      ...(tool === undefined ? {} : { tool: shown(tool) }),
      at,
      waitedMs: 0,
      cached: false,
      replayed: false,
      cut: false,
      costUsd: 0,
      bytesIn: Buffer.byteLength(call.arguments),
      bytesOut: 0,
      ...(this.options.content ? { arguments: this.text(call.arguments) } : {}),
    });
  }

  private hit(
    turn: Pick<TurnView, 'key' | 'model'> & { readonly id?: string },
    at: number,
    limit: string,
    call?: CallFacts,
  ): void {
    const { id, key, model } = turn;
    const hit = {
      at,
      limit,
      ...(id === undefined ? {} : { turn: id }),
      model,
      ...(key === undefined ? {} : { key }),
      ...(call === undefined ? {} : { tool: shown(call.name) }),
    };
    this.hits = [hit, ...this.hits].slice(0, this.options.limits ?? 200);
  }

  /** Bounded before it is masked: masking takes time, and this runs while a turn waits. */
  private text(text: string): string {
    const some = text.slice(0, longestText * 2);
    // A key can stand in what a model writes, and none is known here by its value.
    const clean = showHidden(this.options.mask(some).replace(/\bsk-[\w-]{3,}/g, '[redacted]'));
    return text.length > longestText ? `${clean.slice(0, longestText)}… (${text.length} characters)` : clean;
  }
}

/** The setting behind each way in which a limit ends a turn. */
const limitNames: Readonly<Record<string, string>> = {
  limit_rounds: 'limits.rounds',
  limit_calls: 'limits.calls',
  limit_seconds: 'limits.turn_seconds',
  limit_tokens: 'limits.tokens',
  limit_repeats: 'limits.repeats',
  limit_rate: 'limits.calls_per_minute',
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function namesOf({ model, keyAlias }: TurnFacts): Pick<TurnView, 'key' | 'model'> {
  return { model: shown(model), ...(keyAlias === undefined ? {} : { key: shown(keyAlias) }) };
}

function requestView({ offered, offeredTokens, ledgerHits, restoredBytes }: RequestFacts): RequestView {
  return { offered, offeredTokens, restored: ledgerHits, restoredBytes };
}

/** Names come from models, servers and clients: of any length, and with anything in them. */
function shown(text: string): string {
  return showHidden(text.slice(0, longestName));
}

function viewOf({ rounds, calls, ...turn }: Turn): TurnView {
  const each = [...calls.values()].map((call) => ({ ...call }));
  return { ...turn, rounds: [...rounds.values()].map((round) => ({ ...round })), calls: each };
}
