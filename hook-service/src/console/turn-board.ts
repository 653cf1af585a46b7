import type { CallView, LimitHit, RequestView, RoundView, TurnView } from '../../console-page/shapes';
import { showHidden } from '../core/hidden-text';
import type { Observation, Observer, RequestFacts, TurnFacts } from '../core/observer';
import type { ToolProgress } from '../core/ports';
import type { Prices } from '../core/prices';
import type { Mask } from '../core/result-safety';
import { TurnStories, type CallStory, type RoundStory, type Story } from '../core/turn-stories';

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

/** Longer texts are cut: the console is for looking, not for keeping. */
const longestText = 4_000;
const longestName = 200;

/**
 * The turns that run and the last ones that ran, of this process, for the people who look at the console. Names and
 * numbers; texts only where the config says so. Everything in it is bounded.
 */
export class TurnBoard implements Observer {
  private readonly turns: TurnStories;
  private hits: LimitHit[] = [];
  private readonly changed = new Set<string>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: TurnBoardOptions) {
    const { turns = 200, calls = 200, prices, content } = options;
    this.turns = new TurnStories({
      ...{ turns, calls, prices },
      text: content ? (text) => this.text(text) : undefined,
    });
  }

  observe(observation: Observation): void {
    const story = this.turns.take(observation);
    const refused = observation.type === 'request' ? observation.request.refused : undefined;
    if (refused !== undefined) this.hit(observation, { limit: refused });
    if (story !== undefined) {
      this.noteLimits(observation, story);
      this.changed.add(story.id);
    }
    if (story !== undefined || refused !== undefined) for (const listener of this.listeners) listener();
  }

  /** Called back, on the request path, whenever something has changed: it must return at once. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Newest first. */
  list(): readonly TurnView[] {
    return this.turns.all().map(viewOf);
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

  private noteLimits(event: Observation, { id: turn }: Story): void {
    // Which limit it was stands in the text alone.
    if (event.type === 'call_finished' && event.end.failure === 'limit')
      this.hit(event, { limit: 'call not run', turn, tool: shown(event.call.name) });
    if (event.type === 'turn_finished' && event.end.startsWith('limit_'))
      this.hit(event, { limit: limitNames[event.end] ?? event.end, turn });
  }

  private hit({ of, at }: Observation, what: Pick<LimitHit, 'limit' | 'turn' | 'tool'>): void {
    this.hits = [{ at, ...what, ...namesOf(of) }, ...this.hits].slice(0, this.options.limits ?? 200);
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
  limit_cost: 'limits.cost',
  limit_bytes: 'limits.turn_result_bytes',
  limit_rate: 'limits.calls_per_minute',
  limit_conversation: 'limits.conversation',
  limit_key: 'limits.key',
};

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

function progressText({ progress, total, message }: ToolProgress): string {
  const of = total === undefined ? '' : ` of ${total}`;
  return shown(`${progress}${of}${message === undefined ? '' : `, ${message}`}`);
}

function roundView({ modelMs: _modelMs, ...round }: RoundStory): RoundView {
  return { ...round };
}

function callView({ call, end, progress, arguments: args, text, ...rest }: CallStory): CallView {
  const { number, round, name, server, tool } = call;
  return {
    number,
    round,
    name: shown(name),
    ...(server === undefined ? {} : { server: shown(server) }),
    ...(tool === undefined ? {} : { tool: shown(tool) }),
    at: rest.at,
    ...(end === undefined ? {} : { ms: end.milliseconds }),
    waitedMs: end?.waitedMs ?? 0,
    ...(end?.failure === undefined ? {} : { failure: end.failure }),
    cached: end?.cached ?? false,
    replayed: end?.replayed ?? false,
    cut: end?.cut ?? false,
    costUsd: rest.costUsd,
    bytesIn: end?.bytesIn ?? rest.bytesIn,
    bytesOut: end?.bytesOut ?? 0,
    ...(progress === undefined ? {} : { progress: progressText(progress) }),
    ...(args === undefined ? {} : { arguments: args }),
    ...(text === undefined ? {} : { text }),
  };
}

function viewOf({ id, of, startedAt, finished, request, ...story }: Story): TurnView {
  const { callId, client, user, team, dialect, stream } = of;
  return {
    id,
    at: startedAt,
    dialect,
    stream,
    ...namesOf(of),
    ...(callId === undefined ? {} : { callId: shown(callId) }),
    ...(client === undefined ? {} : { client: shown(client) }),
    ...(user === undefined ? {} : { user: shown(user) }),
    ...(team === undefined ? {} : { team: shown(team) }),
    ...(finished === undefined ? {} : { ms: finished.milliseconds, end: finished.end }),
    ...(finished?.error === undefined ? {} : { error: shown(finished.error) }),
    rounds: story.rounds.map(roundView),
    calls: story.calls.map(callView),
    moreCalls: story.moreCalls,
    handedBack: finished?.handedBack ?? 0,
    costUsd: story.costUsd,
    costToolsUsd: story.costToolsUsd,
    ...(request === undefined ? {} : { request: requestView(request) }),
  };
}
