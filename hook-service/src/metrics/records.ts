/** One row as it is counted: texts that are safe to show, and finite numbers. */
export type Row = Readonly<Record<string, string | number>>;

/** Sums of one thing that others add to as well, and texts about it. */
export interface Account {
  readonly about: Row;
  readonly at: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** An end of a turn. Its row waits, because LiteLLM logs costs later than it answers. */
export interface EndedTurn {
  readonly turn: string;
  readonly row: Row;
  readonly at: number;
}

/** What a sending takes of the records. */
export interface TakenRecords {
  readonly calls: readonly Row[];
  readonly began: ReadonlyMap<string, Account>;
  readonly ended: readonly EndedTurn[];
  /** Turns whose row is due. */
  readonly rows: readonly EndedTurn[];
  readonly spent: ReadonlyMap<string, Account>;
  readonly conversations: ReadonlyMap<string, Account>;
}

/** Records of each kind that wait to be sent; more are dropped and counted. */
const most = 2000;
/** Records of each kind in one sending, so that no sending holds Redis up. */
const atOnce = 500;
/** How long the row of a turn waits for the costs of its last round. */
const rowDelayMs = 10_000;
/** Spending waits for one sending, so that the turn it belongs to is there. */
const spentDelayMs = 5_000;

/** Single calls, turns and conversations on their way to the store. Bounded. */
export class Records {
  private dropped = 0;
  private calls: Row[] = [];
  private began = new Map<string, Account>();
  private ended: EndedTurn[] = [];
  private rows: EndedTurn[] = [];
  private readonly spent = new Map<string, Account>();
  private readonly conversations = new Map<string, Account>();

  /** How many wait. */
  get size(): number {
    const { calls, began, ended, rows, spent, conversations } = this;
    return calls.length + began.size + ended.length + rows.length + spent.size + conversations.size;
  }

  call(row: Row): void {
    this.push(this.calls, row);
  }

  turnBegan(turn: string, about: Row, at: number): void {
    this.account(this.began, named(turn), about, at, {});
  }

  turnEnded(turn: string, row: Row, at: number): void {
    const ended = { turn: named(turn), row, at };
    this.push(this.ended, ended);
    this.push(this.rows, ended);
  }

  /** What a turn has cost; nothing where the store does not know the turn. */
  turnSpent(turn: string, sums: Readonly<Record<string, number>>, at: number): void {
    this.account(this.spent, named(turn), {}, at, sums);
  }

  conversation(name: string, about: Row, at: number, sums: Readonly<Record<string, number>>): void {
    this.account(this.conversations, name, about, at, sums);
  }

  /** What is due, at most so much as one sending may hold. */
  take(now: number): TakenRecords {
    const began = this.began;
    this.began = new Map();
    const conversations = takeSome(this.conversations, () => true);
    const due = this.rows.filter((row) => row.at <= now - rowDelayMs).slice(0, atOnce);
    this.rows = this.rows.filter((row) => !due.includes(row));
    return {
      calls: this.calls.splice(0, atOnce),
      began,
      ended: this.ended.splice(0, atOnce),
      rows: due,
      spent: takeSome(this.spent, ({ at }) => at <= now - spentDelayMs),
      conversations,
    };
  }

  /** How many were dropped since the last call of this. */
  takeDropped(): number {
    const { dropped } = this;
    this.dropped = 0;
    return dropped;
  }

  private push<T>(queue: T[], record: T): void {
    if (queue.length < most) queue.push(record);
    else this.dropped += 1;
  }

  private account(
    accounts: Map<string, Account>,
    name: string,
    about: Row,
    at: number,
    sums: Readonly<Record<string, number>>,
  ): void {
    const known = accounts.get(name);
    if (known === undefined && accounts.size >= most) {
      this.dropped += 1;
      return;
    }
    const added = Object.entries(sums).map(([field, amount]) => [field, (known?.sums[field] ?? 0) + amount]);
    accounts.set(name, {
      about: { ...known?.about, ...about },
      at,
      sums: { ...known?.sums, ...(Object.fromEntries(added) as Record<string, number>) },
    });
  }
}

/** A turn's id is hexadecimal, and may read as a number. */
const named = (turn: string): string => `t-${turn}`;

function takeSome(accounts: Map<string, Account>, due: (account: Account) => boolean): Map<string, Account> {
  const taken = new Map<string, Account>();
  for (const [name, account] of accounts) {
    if (taken.size >= atOnce) break;
    if (!due(account)) continue;
    taken.set(name, account);
    accounts.delete(name);
  }
  return taken;
}
