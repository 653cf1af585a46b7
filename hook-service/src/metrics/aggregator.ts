import type { CallEnd, ModelCall, Observation, Observer, RequestFacts, TurnFacts } from '../core/observer';
import type { FailureKind } from '../core/ports';
import { callPrice, type Prices } from '../core/prices';
import type { TurnEnd } from '../core/turn';
import { tokenClassOf } from './durations';
import { failureField } from './fields';
import { heldUntil, LiveTurns, roundEnded, type LiveTurn } from './live';
import { NameSet, safeName } from './names';
import { Records } from './records';
import { Sums, Tally } from './sums';

/** Length of a bucket in milliseconds. */
export const bucketMs = 10_000;
/** Buckets that wait to be sent; older ones are given up, their sums stay in the totals. */
const mostBuckets = 30;

type Of<Type extends Observation['type']> = Extract<Observation, { type: Type }>;

const endFields: Readonly<Record<TurnEnd | 'error' | 'gone', string>> = {
  answer: 'answers',
  handed_back: 'handed_back',
  approval: 'approvals_asked',
  limit_rounds: 'limit_rounds',
  limit_calls: 'limit_calls',
  limit_seconds: 'limit_seconds',
  limit_tokens: 'limit_tokens',
  limit_cost: 'limit_cost',
  limit_bytes: 'limit_bytes',
  limit_repeats: 'limit_repeats',
  limit_rate: 'limit_rate',
  limit_conversation: 'limit_conversation',
  limit_key: 'limit_key',
  error: 'turn_errors',
  gone: 'turns_gone',
};

/** What was counted since the last time, for a store. */
export interface Counted {
  readonly buckets: ReadonlyMap<number, Sums>;
  /** Everything of it, also what belongs to buckets that were given up. */
  readonly totals: Sums;
}

/**
 * Counts what it is told, in bounded memory: the one source of all numbers, in Redis and at `/metrics` alike. Times are
 * those of the observations.
 */
export class Aggregator implements Observer {
  readonly live = new LiveTurns();
  readonly tools = new NameSet(200);
  readonly servers = new NameSet(100);
  readonly keys = new NameSet(200);
  readonly models = new NameSet(100);
  /** Since this replica began. */
  readonly sinceStart = new Sums();
  readonly records = new Records();
  private fresh = new Map<number, Sums>();
  private totals = new Sums();

  constructor(private readonly prices: () => Prices = () => ({})) {}

  observe(observation: Observation): void {
    const { of } = observation;
    switch (observation.type) {
      case 'request':
        return this.request(of, observation.request, observation.at);
      case 'turn_started':
        return this.turnStarted(of, observation.at);
      case 'round_started': {
        const live = this.live.get(of.turn);
        if (live !== undefined)
          this.sums(observation.at).add('all', 'held_ms', heldUntil(live, observation.at));
        return;
      }
      case 'round_finished':
        return this.roundFinished(of, observation);
      case 'call_finished':
        return this.callFinished(of, observation);
      case 'turn_finished':
        return this.turnFinished(of, observation);
      case 'model_called':
        return this.modelCalled(of, observation.model, observation.at);
      case 'approval': {
        const { state } = observation.approval;
        // Questions are counted as ends of turns.
        if (state !== 'asked') this.sums(observation.at).add('all', `approvals_${state}`);
        return;
      }
      case 'call_started':
      case 'call_progress':
    }
  }

  /** Counts something that is told by nobody else. */
  count(field: string, at: number, amount = 1): void {
    this.sums(at).add('all', field, amount);
  }

  /** Counts something about one server. */
  countServer(server: string, field: string, at: number, amount = 1): void {
    this.sums(at).add(`server:${this.servers.of(server)}`, field, amount);
  }

  /** Everything since the last call of this; what it gives is the caller's. */
  drain(): Counted {
    const counted = { buckets: this.fresh, totals: this.totals };
    this.fresh = new Map();
    this.totals = new Sums();
    return counted;
  }

  private sums(at: number): Tally {
    const bucket = Math.floor(at / bucketMs) * bucketMs;
    const known = this.fresh.get(bucket) ?? new Sums();
    const tally = new Tally([known, this.totals, this.sinceStart]);
    if (this.fresh.has(bucket)) return tally;
    this.fresh.set(bucket, known);
    const oldest = Math.min(...this.fresh.keys());
    if (this.fresh.size > mostBuckets) {
      this.fresh.delete(oldest);
      tally.add('all', 'late_buckets');
    }
    return tally;
  }

  private request(of: TurnFacts, request: RequestFacts, at: number): void {
    const sums = this.sums(at);
    const { decision, offered, offeredTokens, ledgerHits, ledgerMisses, restoredBytes } = request;
    const offer = { [decision]: 1, offered_tools: offered, catalog_tokens: offeredTokens };
    sums.addAll('all', {
      requests: 1,
      ...offer,
      ledger_hits: ledgerHits,
      ledger_misses: ledgerMisses,
      restored_requests: ledgerHits > 0 ? 1 : 0,
      restored_bytes: restoredBytes,
    });
    sums.time('all', 'arm_', request.milliseconds);
    sums.addAll(this.keyOf(of), { requests: 1, ...offer });
    if (of.conversation === undefined) return;
    this.live.active(of.conversation, at);
    this.records.conversation(of.conversation, this.about(of), at, { requests: 1 });
  }

  private turnStarted(of: TurnFacts, at: number): void {
    if (of.turn === undefined) return;
    this.live.begin(of.turn);
    this.records.turnBegan(of.turn, { ...this.about(of), conv: of.conversation ?? 'none' }, at);
  }

  private roundFinished(of: TurnFacts, told: Of<'round_finished'>): void {
    const sums = this.sums(told.at);
    const live = this.live.get(of.turn);
    const { hiddenIn, hiddenOut } =
      live === undefined ? { hiddenIn: 0, hiddenOut: 0 } : roundEnded(live, told);
    const hidden = { hidden_tokens_in: hiddenIn, hidden_tokens_out: hiddenOut };
    sums.addAll('all', {
      rounds: 1,
      round_tokens_in: told.tokens?.input ?? 0,
      round_tokens_out: told.tokens?.output ?? 0,
      round_tokens_cached: told.tokens?.cached ?? 0,
      eager_ms: told.eagerMs,
      ...hidden,
    });
    sums.addAll(this.keyOf(of), { rounds: 1, ...hidden });
    sums.add(this.modelOf(of), 'rounds');
  }

  private callFinished(of: TurnFacts, { call, end, at }: Of<'call_finished'>): void {
    const sums = this.sums(at);
    const { failure } = end;
    const cost = callPrice(this.prices(), call, end);
    const live = this.live.get(of.turn);
    if (live !== undefined) {
      live.calls += 1;
      live.costTools += cost;
      if (failure !== undefined) live.failed += 1;
    }
    const known = call.server !== undefined && call.tool !== undefined;
    const tool = known ? this.tools.of(`${call.server}-${call.tool}`) : 'unknown';
    const server = known ? this.servers.of(call.server) : 'none';
    const counts = {
      calls: 1,
      errors: failure === undefined ? 0 : 1,
      timeouts: failure === 'timeout' ? 1 : 0,
      bytes_out: end.bytesOut,
    };
    const details = {
      ...counts,
      cached: end.cached ? 1 : 0,
      replayed: end.replayed ? 1 : 0,
      cut: end.cut ? 1 : 0,
      wait_ms: end.waitedMs,
      bytes_in: end.bytesIn,
      masked: Object.values(end.masked ?? {}).reduce((sum, count) => sum + count, 0),
    };
    const denied = failure === 'denied' ? 1 : 0;
    const kind = failure === undefined ? {} : { [failureField(failure)]: 1 };
    sums.addAll('all', {
      ...details,
      ...kind,
      cost_tools_usd: cost,
      outside_calls: of.turn === undefined ? 1 : 0,
    });
    sums.time('all', '', end.milliseconds);
    sums.addAll(`tool:${tool}`, { ...details, ...kind, denied, ms: end.milliseconds, cost_usd: cost });
    sums.time(`tool:${tool}`, '', end.milliseconds);
    if (known && askedServer(end)) {
      const atServer = Math.max(end.milliseconds - end.waitedMs, 0);
      sums.add(`tool:${tool}`, 'mcp_ms', atServer);
      sums.time(`tool:${tool}`, 'mcp_', atServer);
    }
    if (known) {
      sums.addAll(`server:${server}`, { ...counts, cost_usd: cost });
      sums.time(`server:${server}`, '', end.milliseconds);
    }
    sums.addAll(this.keyOf(of), { calls: 1, errors: counts.errors, denied, cost_tools_usd: cost });
    this.records.call({
      ...this.about(of),
      tool,
      server,
      turn: of.turn ?? 'none',
      conv: of.conversation ?? 'none',
      status: end.cached ? 'cached' : end.replayed ? 'replayed' : failure === undefined ? 'ok' : 'failed',
      error_type: failure ?? 'none',
      at_ms: at,
      ms: end.milliseconds,
      wait_ms: end.waitedMs,
      bytes_in: end.bytesIn,
      bytes_out: end.bytesOut,
      round: call.round,
      cost_usd: cost,
    });
  }

  private turnFinished(of: TurnFacts, told: Of<'turn_finished'>): void {
    const { turn } = of;
    const { at, end, milliseconds, handedBack } = told;
    const live = this.live.get(turn);
    const sums = this.sums(at);
    const held = live === undefined ? 0 : heldUntil(live, at);
    const mixed = handedBack > 0 && (live?.calls ?? told.calls) > 0;
    const rounds = live?.rounds ?? told.rounds;
    sums.addAll('all', {
      turns: 1,
      [endFields[end]]: 1,
      mixed: mixed ? 1 : 0,
      handed_back_calls: handedBack,
      ended_rounds: rounds,
      held_ms: held,
      turn_ms: milliseconds,
    });
    sums.add('all', `r_${rounds > 10 ? 'more' : Math.max(rounds, 1)}`);
    sums.time('all', 'turn_', milliseconds);
    if (live !== undefined) sums.time('all', 'held_', live.heldMs);
    const failed = end === 'error' ? 1 : 0;
    sums.addAll(this.keyOf(of), { turns: 1, turn_errors: failed });
    sums.add(this.modelOf(of), 'turns');
    if (turn === undefined || live === undefined) return;
    this.live.end(turn);
    this.records.turnEnded(turn, this.turnRow(of, told, live), at);
    if (of.conversation === undefined) return;
    this.records.conversation(of.conversation, this.about(of), at, {
      turns: 1,
      rounds,
      calls: live.calls,
      errors: live.failed,
      cost_tools_usd: live.costTools,
    });
  }

  private turnRow(of: TurnFacts, told: Of<'turn_finished'>, live: LiveTurn) {
    return {
      ...this.about(of),
      conv: of.conversation ?? 'none',
      end: told.end,
      stream: of.stream ? 'yes' : 'no',
      at_ms: told.at,
      ms: told.milliseconds,
      rounds: live.rounds,
      calls: live.calls,
      failed_calls: live.failed,
      handed_back_calls: told.handedBack,
      tokens_in: live.tokensIn,
      tokens_out: live.tokensOut,
      tokens_cached: live.tokensCached,
      hidden_tokens_in: live.hiddenIn,
      hidden_tokens_out: live.hiddenOut,
      held_ms: live.heldMs,
      eager_ms: live.eagerMs,
      cost_tools_usd: live.costTools,
    };
  }

  private modelCalled(of: TurnFacts, model: ModelCall, at: number): void {
    const { tokens, costUsd, failed } = model;
    const spent = {
      llm_calls: 1,
      tokens_in: tokens.input,
      tokens_out: tokens.output,
      tokens_cached: tokens.cached,
      cost_usd: costUsd,
    };
    if (of.turn !== undefined) this.records.turnSpent(of.turn, { llm_calls: 1, cost_usd: costUsd }, at);
    if (of.conversation !== undefined) this.records.conversation(of.conversation, this.about(of), at, spent);
    if (model.again) return;
    const sums = this.sums(at);
    const counts = { ...spent, llm_errors: failed ? 1 : 0 };
    sums.addAll('all', { ...counts, llm_ms: model.milliseconds });
    sums.addAll(this.keyOf(of), counts);
    sums.addAll(this.modelOf(of), { ...counts, llm_ms: model.milliseconds });
    for (const series of ['all', this.modelOf(of)]) sums.time(series, 'llm_', model.milliseconds);
    sums.add(this.modelOf(of), `input_t${tokenClassOf(tokens.input)}`);
    sums.add(this.modelOf(of), `output_t${tokenClassOf(tokens.output)}`);
    if (!model.restored) return;
    sums.addAll('all', { restored_tokens_in: tokens.input, restored_tokens_cached: tokens.cached });
  }

  /** The names by which a row can be found. */
  private about(of: TurnFacts) {
    return {
      key: this.keyName(of),
      client: safeName(of.client ?? ''),
      model: of.model === '' ? 'none' : this.models.of(of.model),
      dialect: of.dialect,
    };
  }

  private keyName({ keyAlias, scope }: TurnFacts): string {
    return this.keys.of(keyAlias === undefined || keyAlias === '' ? `key-${scope.slice(0, 8)}` : keyAlias);
  }

  private keyOf(of: TurnFacts): string {
    return `key:${this.keyName(of)}`;
  }

  private modelOf({ model }: TurnFacts): string {
    return `model:${this.models.of(model)}`;
  }
}

/** Failures of calls that never went to their server. */
const ownFailures = new Set<FailureKind | undefined>([
  'unknown_tool',
  'denied',
  'invalid_arguments',
  'limit',
  'unknown_fate',
]);

function askedServer({ failure, cached, replayed }: CallEnd): boolean {
  return !cached && !replayed && !ownFailures.has(failure);
}
