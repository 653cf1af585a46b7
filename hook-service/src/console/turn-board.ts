import type { CallView, LimitHit, RoundView, TurnView } from '../../console-page/shapes';
import { showHidden } from '../core/hidden-text';
import type { CallFacts, Observation, Observer } from '../core/observer';
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
  /** Most turns that are kept; one that runs goes last. */
  readonly turns?: number;
  /** Most calls of one turn that are kept. */
  readonly calls?: number;
  readonly limits?: number;
}

/** Longer texts are cut: the console is for looking, not for keeping. */
const longestText = 4_000;
const longestName = 200;

/**
 * The turns that run and the last ones that ran, of this process, for the people who look at the console. Names and
 * numbers; texts only where the config says so. Everything in it is bounded.
 */
export class TurnBoard implements Observer {
  private readonly turns = new Map<string, Turn>();
  private hits: LimitHit[] = [];
  private readonly changed = new Set<string>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: TurnBoardOptions) {}

  observe(observation: Observation): void {
    const { of, at } = observation;
    const id = of.turn;
    // Calls outside of any turn are no turn.
    if (id === undefined) return;
    if (observation.type === 'turn_started') this.begin(observation, id);
    const turn = this.turns.get(id);
    if (turn === undefined) return;
    this.note(turn, observation, at - turn.at);
    this.changed.add(id);
    for (const listener of this.listeners) listener();
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

  private begin({ of, at }: Observation, id: string): void {
    const { callId, client, keyAlias, user, team } = of;
    this.turns.set(id, {
      id,
      at,
      dialect: of.dialect,
      stream: of.stream,
      model: shown(of.model),
      ...(callId === undefined ? {} : { callId: shown(callId) }),
      ...(client === undefined ? {} : { client: shown(client) }),
      ...(keyAlias === undefined ? {} : { key: shown(keyAlias) }),
      ...(user === undefined ? {} : { user: shown(user) }),
      ...(team === undefined ? {} : { team: shown(team) }),
      rounds: new Map(),
      calls: new Map(),
      moreCalls: 0,
      handedBack: 0,
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
        turn.rounds.set(event.round, { round: event.round, at: offset, ours: 0, theirs: 0, eagerMs: 0 });
        return;
      case 'round_finished': {
        const { round, milliseconds, ours, theirs, tokens, eagerMs } = event;
        const at = turn.rounds.get(round)?.at ?? Math.max(0, offset - milliseconds);
        const counted = tokens === undefined ? {} : { tokens };
        turn.rounds.set(round, { round, at, ms: milliseconds, ours, theirs, eagerMs, ...counted });
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
        const { failure, milliseconds, waitedMs, cached, replayed, bytesIn, bytesOut, text } = event.end;
        // Which limit it was stands in the text alone.
        if (failure === 'limit') this.hit(turn, event.at, 'call not run', event.call);
        const call = turn.calls.get(event.call.number);
        if (call === undefined) return;
        // It is told of when its tool is known, which is not its first moment.
        call.at = Math.min(call.at, Math.max(0, offset - milliseconds));
        Object.assign(call, { ms: milliseconds, waitedMs, cached, replayed, bytesIn, bytesOut });
        if (failure !== undefined) call.failure = failure;
        if (this.options.content) call.text = this.text(text);
        delete call.progress;
        return;
      }
      case 'turn_finished':
        turn.ms = event.milliseconds;
        turn.end = event.end;
        turn.handedBack = event.handedBack;
        if (event.error !== undefined) turn.error = shown(event.error);
        if (event.end.startsWith('limit_')) this.hit(turn, event.at, limitNames[event.end] ?? event.end);
        return;
      default:
        return;
    }
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
      bytesIn: Buffer.byteLength(call.arguments),
      bytesOut: 0,
      ...(this.options.content ? { arguments: this.text(call.arguments) } : {}),
    });
  }

  private hit(turn: Turn, at: number, limit: string, call?: CallFacts): void {
    const { id, key, model } = turn;
    const hit = {
      at,
      limit,
      turn: id,
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

/** Names come from models, servers and clients: of any length, and with anything in them. */
function shown(text: string): string {
  return showHidden(text.slice(0, longestName));
}

function viewOf({ rounds, calls, ...turn }: Turn): TurnView {
  const each = [...calls.values()].map((call) => ({ ...call }));
  return { ...turn, rounds: [...rounds.values()].map((round) => ({ ...round })), calls: each };
}
