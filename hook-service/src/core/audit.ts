import { createHmac } from 'node:crypto';
import { canonicalJson } from './canonical-json';
import { logFailure } from './failure-policy';
import type { CallFacts, Observation, Observer, TurnFacts } from './observer';
import type { FailureKind, Log } from './ports';
import { within } from './within';

/**
 * What was decided about a call before its server was asked. `not_run`: it could not be run, and nobody decided that.
 * `asked` to `expired`: a person was asked about it, and what came of that; a call that runs then has an entry of its own.
 */
export type AuditDecision =
  'allowed' | 'denied' | 'limited' | 'not_run' | 'asked' | 'approved' | 'declined' | 'expired';

/** One call in the audit trail: who, what, whether it might, what came of it. No text of anybody, unless that was asked for. */
export interface AuditEntry {
  /** When it ended, in ISO 8601. */
  readonly time: string;
  readonly decision: AuditDecision;
  /** `ok`, or the kind of failure. */
  readonly outcome: 'ok' | FailureKind;
  readonly ms: number;
  readonly scope: string;
  readonly key_alias?: string;
  readonly user?: string;
  readonly team?: string;
  readonly client?: string;
  readonly model?: string;
  /** The dialect of the turn; `direct` for calls at `/v1/tools` and `/mcp`. */
  readonly dialect: string;
  readonly server?: string;
  /** The name of the tool in the catalog; that which was called, where there is no such tool. */
  readonly tool: string;
  /** HMAC-SHA256 of the arguments as canonical JSON: equal for equal arguments, and nothing to be guessed from. */
  readonly arguments_hash: string;
  /** The arguments, masked and cut; only where the config asks for them. */
  readonly arguments?: string;
  /** True where a kept result, or the recorded outcome of this very call, was given. */
  readonly from_record?: boolean;
  /** The code of the question about it. */
  readonly question?: string;
  /** Who decided about it, as `<where>` or `<where>: <name>`. */
  readonly by?: string;
  /** How many secrets were taken out of the result, by the name of their pattern (`toolturn.mask`). */
  readonly masked?: Readonly<Record<string, number>>;
  readonly turn?: string;
  readonly round?: number;
  /** LiteLLM's id of the request. */
  readonly call_id?: string;
  /** The client's trace (W3C), 32 hex digits. */
  readonly trace?: string;
}

/** A gap in the trail: so many entries could not be kept. */
export interface AuditGap {
  readonly time: string;
  readonly lost: number;
}

export interface AuditQuery {
  /** Milliseconds since 1970. */
  readonly since?: number;
  /** A key's alias, a user, a team or a scope. */
  readonly who?: string;
  /** A tool's name in the catalog, or a server's. */
  readonly tool?: string;
  readonly decision?: string;
  /** At most so many, the newest. */
  readonly limit: number;
}

/** Where the trail is kept, in the order in which calls ended. */
export interface AuditStore {
  /** Keeps them once, however often the same `number` of the same replica is sent. Rejects where it cannot. */
  append(batch: {
    readonly replica: string;
    readonly number: number;
    readonly records: readonly (AuditEntry | AuditGap)[];
    readonly entries: number;
    readonly retentionSeconds: number;
  }): Promise<void>;
  /** Newest first. */
  find(query: AuditQuery): Promise<readonly (AuditEntry | AuditGap)[]>;
  close(): Promise<void>;
}

export interface AuditSettings {
  readonly log: boolean;
  /** Whether arguments stand in it, masked. */
  readonly arguments: boolean;
  readonly entries: number;
  readonly retentionSeconds: number;
}

export interface AuditOptions {
  readonly store: AuditStore;
  readonly log: Log;
  /** As the config says now. */
  readonly settings: () => AuditSettings;
  /** With which arguments are hashed: the same on all replicas. */
  readonly hashKey: () => string;
  readonly mask: (text: string) => string;
  /** What no other replica is called. */
  readonly replica: string;
  /** How many entries wait at most while the store is away. */
  readonly waiting?: number;
}

const everyMs = 500;
const batchSize = 500;
/** How long a reader and the end of the process wait for a sending. */
const sendMs = 2000;
const longestArguments = 4096;
const longestName = 128;

/**
 * Writes every call down when it has ended: as a line of the log at once, and in the store soon. A call never waits for
 * it. While the store is away entries wait, up to a bound; what is beyond it is lost, and the trail says how much.
 */
export class Audit implements Observer {
  private waiting: AuditEntry[] = [];
  private lost = 0;
  private number = 0;
  private batch:
    { readonly number: number; readonly records: readonly (AuditEntry | AuditGap)[] } | undefined;
  private busy: Promise<void> | undefined;
  private failed = false;
  private readonly timer: NodeJS.Timeout;
  private readonly most: number;

  constructor(private readonly options: AuditOptions) {
    this.most = options.waiting ?? 20_000;
    this.timer = setInterval(() => void this.flush(), everyMs);
    this.timer.unref();
  }

  observe(observation: Observation): void {
    if (observation.type === 'call_finished') this.keep(this.entryOf(observation));
    if (observation.type === 'approval')
      for (const entry of this.approvalEntries(observation)) this.keep(entry);
  }

  private keep(entry: AuditEntry): void {
    if (this.options.settings().log) {
      const { time: _time, ...fields } = entry;
      this.options.log.info('tool call', fields);
    }
    if (this.waiting.length >= this.most) {
      this.lost += 1;
      return;
    }
    this.waiting.push(entry);
  }

  /** Sends what waits. Never rejects; joins a sending that is under way. */
  flush(): Promise<void> {
    this.busy ??= this.send().finally(() => (this.busy = undefined));
    return this.busy;
  }

  /**
   * What is asked for, newest first, of all replicas: of this one up to the call that ended last, of another up to half a
   * second ago. Rejects where the store cannot be read.
   */
  async find(query: AuditQuery): Promise<readonly (AuditEntry | AuditGap)[]> {
    await within(sendMs, this.flush());
    return this.options.store.find(query);
  }

  /** Sends what is there once more, for two seconds at most. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await within(
      sendMs,
      this.flush().then(() => this.flush()),
    );
    const left = this.waiting.length + this.lost + (this.batch?.records.length ?? 0);
    if (left > 0) this.options.log.warn('entries of the audit trail were not kept', { lost: left });
    await this.options.store.close();
  }

  private async send(): Promise<void> {
    const { store, log, settings, replica } = this.options;
    try {
      while (this.batch !== undefined || this.waiting.length > 0 || this.lost > 0) {
        this.batch ??= this.next();
        const { entries, retentionSeconds } = settings();
        await store.append({ replica, ...this.batch, entries, retentionSeconds });
        this.batch = undefined;
      }
      if (this.failed) logFailure(log, 'audit', 'back');
      this.failed = false;
    } catch (error) {
      if (!this.failed) logFailure(log, 'audit', 'lost', { error });
      this.failed = true;
    }
  }

  private next(): NonNullable<typeof this.batch> {
    const records: (AuditEntry | AuditGap)[] = this.waiting.splice(0, batchSize);
    // Behind all that came before it.
    if (this.waiting.length === 0 && this.lost > 0) {
      records.push({ time: new Date().toISOString(), lost: this.lost });
      logFailure(this.options.log, 'audit', 'dropped', { lost: this.lost });
      this.lost = 0;
    }
    this.number += 1;
    return { number: this.number, records };
  }

  private approvalEntries({ of, at, approval }: Extract<Observation, { type: 'approval' }>): AuditEntry[] {
    const { state, code, calls, by } = approval;
    const decider = by?.name === undefined ? by?.via : `${by.via}: ${this.options.mask(by.name)}`;
    return calls.map((call) => ({
      time: new Date(at).toISOString(),
      decision: state,
      outcome: 'ok',
      ms: 0,
      ...this.about(of, call),
      question: code,
      ...named({ by: decider }),
    }));
  }

  private entryOf({ of, call, end, at }: Extract<Observation, { type: 'call_finished' }>): AuditEntry {
    return {
      time: new Date(at).toISOString(),
      decision: decisionOf(end.failure),
      outcome: end.failure ?? 'ok',
      ms: end.milliseconds,
      ...this.about(of, { ...call, name: end.ran ?? call.name }),
      ...(of.turn === undefined ? {} : { round: call.round }),
      ...(end.cached || end.replayed ? { from_record: true } : {}),
      ...(end.masked === undefined ? {} : { masked: end.masked }),
    };
  }

  /** Whose call it is, and which. */
  private about(
    of: TurnFacts,
    call: Pick<CallFacts, 'server' | 'name' | 'arguments'>,
  ): Omit<AuditEntry, 'time' | 'decision' | 'outcome' | 'ms'> {
    const { settings, hashKey, mask } = this.options;
    const { keyAlias, user, team, client, model, turn, callId } = of;
    return {
      scope: of.scope,
      ...named({ key_alias: keyAlias, user, team, client, model }),
      dialect: of.dialect,
      ...named({ server: call.server }),
      tool: call.name.slice(0, longestName),
      arguments_hash: hashOf(call.arguments, hashKey()),
      ...(settings().arguments ? { arguments: mask(call.arguments).slice(0, longestArguments) } : {}),
      ...named({ turn, trace: of.trace?.traceparent.split('-')[1] }),
      ...(callId === undefined ? {} : { call_id: callId }),
    };
  }
}

/** Those that are there and say something, at a bounded length. */
function named<K extends string>(fields: Record<K, string | undefined>): Partial<Record<K, string>> {
  const there: Partial<Record<K, string>> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined && value !== '') there[name] = value.slice(0, longestName);
  }
  return there;
}

const decisions: Partial<Record<FailureKind, AuditDecision>> = {
  denied: 'denied',
  limit: 'limited',
  unknown_tool: 'not_run',
  invalid_arguments: 'not_run',
};

const decisionOf = (failure: FailureKind | undefined): AuditDecision =>
  (failure === undefined ? undefined : decisions[failure]) ?? 'allowed';

/** What is no JSON is hashed as it is written. */
function hashOf(written: string, key: string): string {
  let text = written;
  try {
    text = canonicalJson(JSON.parse(written));
  } catch {
    // A model may write anything.
  }
  return createHmac('sha256', key).update(text).digest('hex');
}

/** True where a record is asked for. Gaps belong to every answer. */
export function fits(record: AuditEntry | AuditGap, { since, who, tool, decision }: AuditQuery): boolean {
  if (since !== undefined && Date.parse(record.time) < since) return false;
  if ('lost' in record) return true;
  return (
    (who === undefined || [record.key_alias, record.user, record.team, record.scope].includes(who)) &&
    (tool === undefined || record.tool === tool || record.server === tool) &&
    (decision === undefined || record.decision === decision)
  );
}

/** The trail of this process alone, where there is no Redis. */
export function memoryAudit(most = 2000): AuditStore {
  const kept: (AuditEntry | AuditGap)[] = [];
  return {
    append: async ({ records }) => {
      kept.push(...records);
      kept.splice(0, Math.max(0, kept.length - most));
    },
    find: async (query) =>
      kept
        .filter((record) => fits(record, query))
        .reverse()
        .slice(0, query.limit),
    close: async () => undefined,
  };
}
