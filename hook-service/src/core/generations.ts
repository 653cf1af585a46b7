import type { OpenDoor } from './early-answers';
import type { JsonObject } from './json';
import type { Carrier } from './ports';
import type {
  BegunTurn,
  ChunkSink,
  HookRequest,
  PostCallAnswer,
  PreCallAnswer,
  TurnHooks,
  TurnMark,
} from './hooks';
import { ticketSilenceMs } from './ticket';

/** Everything that answers by one version of the config. */
export interface Generation {
  /** Names the config; equal for equal ones. */
  readonly version: string;
  readonly service: TurnHooks;
  /** Milliseconds within which a turn that was offered tools comes back with the model's first answer, or may end. */
  readonly turnMs: number;
  /** Called once, when nothing of it is needed any more. */
  close(): void;
}

export interface GenerationsOptions {
  /** Most generations beside the present one; the oldest goes. */
  readonly most?: number;
  /** How long one is kept at least: a request without a turn may be in the middle of it. */
  readonly leastMs?: number;
  readonly now?: () => number;
}

interface Held<G> {
  readonly generation: G;
  /** When a turn of it was offered tools last. */
  armedAt: number | undefined;
  /** True where the door has tickets of it: turns begin that are not seen here. */
  lends: boolean;
  replacedAt: number | undefined;
  /** Hooks being answered. */
  busy: number;
  isClosed: boolean;
  timer?: NodeJS.Timeout;
}

/**
 * The present config and those before it, for as long as turns of theirs may live: a turn finishes on the config it
 * began with. It began when tools were offered to it; the mark carries the version from there. A mark of a config that
 * is not known (any more) goes by the present one.
 */
export class Generations<G extends Generation> implements TurnHooks {
  /** The present one stands last. */
  private held: Held<G>[];

  constructor(
    first: G,
    private readonly options: GenerationsOptions = {},
  ) {
    this.held = [heldOf(first)];
  }

  get current(): G {
    return this.present.generation;
  }

  /** Those that are still kept, the present one last. */
  get all(): readonly G[] {
    return this.held.map(({ generation }) => generation);
  }

  /** Turns of all generations, which are counted together. */
  get inFlight(): number {
    return this.current.service.inFlight;
  }

  /** From here on requests begin with this one. */
  replace(next: G): void {
    const before = this.present;
    this.held.push(heldOf(next));
    before.replacedAt = this.now();
    if (before.lends) before.armedAt = this.now() + ticketSilenceMs;
    this.settle(before);
    const { most = 32 } = this.options;
    while (this.held.length > most + 1) {
      const [oldest] = this.held;
      if (oldest !== undefined) this.drop(oldest);
    }
  }

  async preCall(request: HookRequest): Promise<PreCallAnswer> {
    const held = this.present;
    return this.use(held, async ({ service, version }) => {
      const answer = lent(await service.preCall(request), version);
      if (answer.ticket !== undefined) held.lends = true;
      if (answer.action !== 'arm') return answer;
      held.armedAt = this.now();
      return { ...answer, mark: { ...answer.mark, config: version } };
    });
  }

  postCall(
    request: HookRequest,
    mark: TurnMark | BegunTurn,
    response: JsonObject,
    signal: AbortSignal,
    door?: OpenDoor,
  ): Promise<PostCallAnswer | undefined> {
    return this.use(this.of(mark), ({ service }) => service.postCall(request, mark, response, signal, door));
  }

  stream(
    request: HookRequest,
    mark: TurnMark | BegunTurn,
    seen: readonly JsonObject[],
    chunks: AsyncIterable<JsonObject>,
    sink: ChunkSink,
    signal: AbortSignal,
    carrier?: Carrier,
  ): Promise<void> {
    return this.use(this.of(mark), ({ service }) =>
      service.stream(request, mark, seen, chunks, sink, signal, carrier),
    );
  }

  /** Waits for nothing any more. */
  close(): void {
    for (const held of [...this.held]) {
      clearTimeout(held.timer);
      held.isClosed = true;
    }
  }

  private get present(): Held<G> {
    const present = this.held.at(-1);
    if (present === undefined) throw new Error('There is always a generation');
    return present;
  }

  private of({ config }: TurnMark | BegunTurn): Held<G> {
    return this.held.findLast(({ generation }) => generation.version === config) ?? this.present;
  }

  private async use<T>(held: Held<G>, work: (generation: G) => Promise<T>): Promise<T> {
    held.busy += 1;
    try {
      return await work(held.generation);
    } finally {
      held.busy -= 1;
      this.settle(held);
    }
  }

  /** Lets go of a generation that was replaced when no turn of it can come back, or looks again when that may be. */
  private settle(held: Held<G>): void {
    if (held.replacedAt === undefined || held.busy > 0 || held.isClosed) return;
    clearTimeout(held.timer);
    const { leastMs = 5_000 } = this.options;
    const armedUntil = held.armedAt === undefined ? 0 : held.armedAt + held.generation.turnMs;
    const left = Math.max(armedUntil, held.replacedAt + leastMs) - this.now();
    if (left <= 0 || !this.held.includes(held)) return this.end(held);
    held.timer = setTimeout(() => this.settle(held), left);
    held.timer.unref();
  }

  /** No turn finds it any more; those that run on it end first. */
  private drop(held: Held<G>): void {
    this.held = this.held.filter((each) => each !== held);
    this.settle(held);
  }

  private end(held: Held<G>): void {
    clearTimeout(held.timer);
    held.isClosed = true;
    this.held = this.held.filter((each) => each !== held);
    held.generation.close();
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

function heldOf<G>(generation: G): Held<G> {
  return { generation, armedAt: undefined, lends: false, replacedAt: undefined, busy: 0, isClosed: false };
}

/** Turns that begin by the ticket belong to this version. */
function lent(answer: PreCallAnswer, config: string): PreCallAnswer {
  return answer.ticket === undefined ? answer : { ...answer, ticket: { ...answer.ticket, config } };
}
