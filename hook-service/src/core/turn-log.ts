import type { ReportedCall, TurnEnd } from './turn';

/** What is remembered of a turn for the people who run Toolturn: numbers and names, no text of anybody. */
export interface TurnRecord {
  readonly turn: string;
  readonly call_id?: string;
  readonly scope: string;
  readonly dialect: string;
  readonly stream: boolean;
  readonly rounds: number;
  readonly calls: readonly (ReportedCall & { readonly server?: string })[];
  readonly ms: number;
  readonly end: TurnEnd | 'error' | 'gone';
  readonly error?: string;
}

/** The last turns of this replica, by our id and by LiteLLM's id of the request. */
export class TurnLog {
  private readonly records = new Map<string, TurnRecord>();

  constructor(private readonly capacity = 500) {}

  add(record: TurnRecord): void {
    this.records.set(record.turn, record);
    if (record.call_id !== undefined) this.records.set(record.call_id, record);
    for (const oldest of this.records.keys()) {
      if (this.records.size <= this.capacity * 2) break;
      this.records.delete(oldest);
    }
  }

  find(id: string): TurnRecord | undefined {
    return this.records.get(id);
  }
}
