import { goOnWithout } from './failure-policy';
import type { LoggedCost, Observation, Observer, TurnEvent } from './observer';
import type { Log, Scope, UsageCounter, UsageStore } from './ports';
import { callPrice, type Prices } from './prices';
import type { LimitEnd } from './turn-budget';

/** What can be used up. Dollars and milliseconds may have fractions. */
export interface Amounts {
  rounds: number;
  calls: number;
  tokens: number;
  costUsd: number;
  resultBytes: number;
  milliseconds: number;
}

/** What a conversation and a key may use over time, and a turn in dollars. What is absent has no limit. */
export interface AllowanceLimits {
  readonly turnCostUsd?: number;
  /** Forgotten when a conversation has rested for so long. */
  readonly conversation: { readonly most: Partial<Amounts>; readonly forgetSeconds: number };
  /** Over a window that slides: the present one, and what is left of the one before it, by share. */
  readonly key: { readonly most: Partial<Amounts>; readonly windowSeconds: number };
}

/** A limit that is used up: how the turn ends, and the limit in words that go behind "the limit of". */
export interface UsedUp {
  readonly end: LimitEnd;
  readonly what: string;
}

export const noAmounts: Amounts = {
  rounds: 0,
  calls: 0,
  tokens: 0,
  costUsd: 0,
  resultBytes: 0,
  milliseconds: 0,
};
const amountNames = Object.keys(noAmounts) as (keyof Amounts)[];

/** One of what is counted for a turn. */
interface Counted {
  readonly counter: Omit<UsageCounter, 'add'>;
  readonly most: Partial<Amounts>;
  readonly end: LimitEnd;
  /** Behind the amount: `for this key`. */
  readonly whose: string;
}

/** The turn's own cost is kept a little longer than any turn lasts: LiteLLM tells of it later. */
const turnKeptSeconds = 2 * 3600;

/**
 * Counts what conversations and keys use, for all replicas together. Tokens and the cost of models come from LiteLLM's
 * log, which tells of every model call once it is over, with tools or without; all else from turns. Where no such limit
 * is set, nothing is counted.
 */
export class Allowances implements Observer {
  constructor(
    private readonly limits: () => AllowanceLimits,
    private readonly prices: () => Prices,
    private readonly store: UsageStore,
    private readonly log: Log,
  ) {}

  /** What LiteLLM has logged, and calls outside of any turn or before its rounds, which nobody else counts. Returns at once. */
  observe({ of, ...event }: Observation): void {
    if (event.type === 'model_called') {
      const { tokens, costUsd, again } = event.model;
      const add = { ...noAmounts, tokens: tokens.input + tokens.output, costUsd };
      const counted = this.countedOf(of).filter(
        ({ most, counter }) =>
          (most.costUsd !== undefined || most.tokens !== undefined) &&
          // It was told of before, but not of which turn it was.
          !(again && counter.slides === true),
      );
      this.addLater(of.scope, counted, add);
    } else if (event.type === 'call_finished' && (of.turn === undefined || event.call.round === 0)) {
      const costUsd = callPrice(this.prices(), event.call, event.end);
      const add = { ...noAmounts, calls: 1, costUsd, resultBytes: event.end.bytesOut };
      this.addLater(of.scope, this.countedOf(of), add);
    }
  }

  /** What a turn may still use; undefined where no limit concerns it. */
  open(of: LoggedCost): TurnAllowance | undefined {
    const counted = this.countedOf(of);
    if (counted.length === 0) return undefined;
    return new TurnAllowance(counted, this.prices, (add) => this.add(of.scope, counted, add));
  }

  /** Why this caller may make no call outside of a turn now; one round trip, and none where a key has no limit. */
  async refusal(scope: Scope): Promise<UsedUp | undefined> {
    const counted = this.countedOf({});
    if (counted.length === 0) return undefined;
    const sums = await this.add(scope, counted, noAmounts);
    return usedUp(counted, sums ?? [], noAmounts);
  }

  private countedOf({ turn, conversation }: Omit<LoggedCost, 'scope'>): readonly Counted[] {
    const { turnCostUsd, conversation: inConversation, key } = this.limits();
    const counted: Counted[] = [];
    if (turnCostUsd !== undefined && turn !== undefined)
      counted.push({
        counter: { name: `turn:${turn}`, seconds: turnKeptSeconds },
        most: { costUsd: turnCostUsd },
        end: 'limit_cost',
        whose: 'in one turn',
      });
    if (conversation !== undefined && isLimited(inConversation.most))
      counted.push({
        counter: { name: `conv:${conversation}`, seconds: inConversation.forgetSeconds },
        most: inConversation.most,
        end: 'limit_conversation',
        whose: 'in this conversation',
      });
    if (isLimited(key.most))
      counted.push({
        counter: { name: 'key', seconds: key.windowSeconds, slides: true },
        most: key.most,
        end: 'limit_key',
        whose: `for this key in ${timeText(key.windowSeconds)}`,
      });
    return counted;
  }

  private addLater(scope: Scope, counted: readonly Counted[], add: Amounts): void {
    const isNothing = amountNames.every((name) => add[name] === 0);
    if (counted.length > 0 && !isNothing) void this.add(scope, counted, add);
  }

  /** Adds the same to each counter; gives the sums, or undefined where they cannot be known. Never rejects. */
  private async add(
    scope: Scope,
    counted: readonly Counted[],
    add: Amounts,
  ): Promise<readonly Amounts[] | undefined> {
    try {
      return await this.store.add(
        scope,
        counted.map(({ counter }) => ({ ...counter, add })),
      );
    } catch (error) {
      goOnWithout(this.log, 'store', 'usage', { error });
      return undefined;
    }
  }
}

/** What one turn uses of what its conversation and its key may. */
export class TurnAllowance {
  /** Used since the last look, and not yet counted. */
  private since = { ...noAmounts };
  /** Tokens of this turn; LiteLLM's log has them later. */
  private tokens = 0;
  private tokensBefore: readonly number[] = [];
  private sums: readonly Amounts[] = [];
  private opening: Promise<UsedUp | undefined> | undefined;
  private from = performance.now();

  constructor(
    private readonly counted: readonly Counted[],
    private readonly prices: () => Prices,
    private readonly add: (amounts: Amounts) => Promise<readonly Amounts[] | undefined>,
  ) {}

  /** Takes in what happens in the turn. */
  saw(event: TurnEvent): void {
    if (event.type === 'round_finished') {
      this.since.rounds += 1;
      this.tokens += (event.tokens?.input ?? 0) + (event.tokens?.output ?? 0);
    } else if (event.type === 'call_finished') {
      this.since.costUsd += callPrice(this.prices(), event.call, event.end);
      this.since.resultBytes += event.end.bytesOut;
    }
  }

  /** A call begins: what was used up before it, or is with it. The first one waits for one round trip. */
  async begin(): Promise<UsedUp | undefined> {
    this.opening ??= this.look().then((used) => {
      this.tokensBefore = this.sums.map((sum) => sum.tokens);
      return used;
    });
    const used = (await this.opening) ?? this.over();
    // Only a call that may run counts.
    if (used === undefined) this.since.calls += 1;
    return used;
  }

  /** Counts what was used since the last look, and says what is used up; one round trip. */
  async look(): Promise<UsedUp | undefined> {
    const sums = await this.add(this.take());
    // Where nothing can be known, what is known stays.
    if (sums !== undefined) this.sums = sums;
    return this.over();
  }

  /** Counts what the end of the turn used; nobody waits for it. */
  close(): void {
    void this.add(this.take());
  }

  private over(): UsedUp | undefined {
    const atLeast = this.sums.map((sum, index) => ({
      ...sum,
      tokens: Math.max(sum.tokens, (this.tokensBefore[index] ?? 0) + this.tokens),
    }));
    return usedUp(this.counted, atLeast, this.since);
  }

  private take(): Amounts {
    const now = performance.now();
    const amounts = { ...this.since, milliseconds: Math.round(now - this.from) };
    this.since = { ...noAmounts };
    this.from = now;
    return amounts;
  }
}

function isLimited(most: Partial<Amounts>): boolean {
  return amountNames.some((name) => most[name] !== undefined);
}

function usedUp(counted: readonly Counted[], sums: readonly Amounts[], more: Amounts): UsedUp | undefined {
  for (const [index, { most, end, whose }] of counted.entries()) {
    const full = amountNames.find(
      (name) => (sums[index]?.[name] ?? 0) + more[name] >= (most[name] ?? Infinity),
    );
    if (full !== undefined) return { end, what: `${amountText(full, most[full] ?? 0)} ${whose}` };
  }
  return undefined;
}

function amountText(name: keyof Amounts, amount: number): string {
  switch (name) {
    case 'rounds':
      return `${amount} rounds`;
    case 'calls':
      return `${amount} tool calls`;
    case 'tokens':
      return `${amount} tokens`;
    case 'costUsd':
      return `$${amount}`;
    case 'resultBytes':
      return `${amount} bytes of tool results`;
    case 'milliseconds':
      return `${Math.round(amount / 1000)} seconds`;
  }
}

/** `a day`, `2 h`, `90 s`. */
function timeText(seconds: number): string {
  if (seconds === 86_400) return 'a day';
  if (seconds % 86_400 === 0) return `${seconds / 86_400} days`;
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`;
}
