import type { Observation, TurnEvent, TurnFacts } from '../../hook-service/src/core/observer';
import type { FailureKind } from '../../hook-service/src/core/ports';

/** What was really in the traffic, counted while it was made. */
export interface Tally {
  requests: number;
  turns: number;
  rounds: number;
  calls: number;
  errors: number;
  llm_calls: number;
  tokens_in: number;
  tokens_out: number;
  cost_usd: number;
  cost_tools_usd: number;
}

/** Prices of the tools in the traffic. */
export const prices = { files: { perCall: 0.01, tools: { search: 0.125 } } };

const dialects = ['chat', 'responses', 'messages', 'generateContent'];
const keys = ['alice', 'bob', undefined];
const tools = [
  ['files', 'search'],
  ['files', 'read'],
  ['1e5', 'nan'],
] as const;
const failures: readonly (FailureKind | undefined)[] = [
  undefined,
  undefined,
  'tool_error',
  'timeout',
  'denied',
];

/** Makes turns that look like those of a busy afternoon, the same for the same seed. */
export class Traffic {
  readonly tally: Tally = {
    requests: 0,
    turns: 0,
    rounds: 0,
    calls: 0,
    errors: 0,
    llm_calls: 0,
    tokens_in: 0,
    tokens_out: 0,
    cost_usd: 0,
    cost_tools_usd: 0,
  };
  private made = 0;

  constructor(private state: number) {}

  /** One turn with its model calls, all at one moment. */
  turn(observe: (observation: Observation) => void, at: number): void {
    this.made += 1;
    const keyAlias = this.pick(keys);
    const of: TurnFacts = {
      turn: `${this.made}`.padStart(32, '0'),
      conversation: `c-${this.made % 7}`.padEnd(26, '0'),
      scope: 'feedfacefeedface',
      dialect: this.pick(dialects),
      stream: this.random() < 0.5,
      model: 'demo',
      ...(keyAlias === undefined ? {} : { keyAlias }),
    };
    const tell = (event: TurnEvent): void => observe({ ...event, of, at });
    const request = { decision: 'armed', milliseconds: 2, offered: 3, offeredTokens: 400 } as const;
    tell({ type: 'request', request: { ...request, ledgerHits: 0, ledgerMisses: 0, restoredBytes: 0 } });
    tell({ type: 'turn_started' });
    const rounds = 1 + Math.floor(this.random() * 4);
    let calls = 0;
    for (let round = 1; round <= rounds; round += 1) {
      tell({ type: 'round_started', round });
      const tokens = { input: this.whole(1000), output: this.whole(100), cached: 0 };
      const costUsd = tokens.input * 0.000_003 + tokens.output * 0.000_015;
      const model = {
        round,
        restored: false,
        failed: false,
        milliseconds: this.whole(4000),
        cacheHit: false,
      };
      tell({ type: 'model_called', model: { ...model, tokens, costUsd, again: false } });
      const ours = round < rounds ? 1 + Math.floor(this.random() * 3) : 0;
      const facts = { milliseconds: model.milliseconds, ours, theirs: 0, eagerMs: 0 };
      tell({ type: 'round_finished', round, ...facts, tokens });
      for (let index = 0; index < ours; index += 1) this.call(tell, calls++, round);
      this.add({
        rounds: 1,
        llm_calls: 1,
        tokens_in: tokens.input,
        tokens_out: tokens.output,
        cost_usd: costUsd,
      });
    }
    const end = this.random() < 0.1 ? 'error' : 'answer';
    tell({ type: 'turn_finished', end, milliseconds: 10, rounds, calls, handedBack: 0 });
    this.add({ requests: 1, turns: 1 });
  }

  private call(tell: (event: TurnEvent) => void, number: number, round: number): void {
    const [server, tool] = this.pick(tools);
    const failure = this.pick(failures);
    const cached = failure === undefined && this.random() < 0.2;
    const call = {
      number,
      round,
      id: `call_${number}`,
      name: `${server}__${tool}`,
      server,
      tool,
      arguments: '{}',
    };
    const end = { milliseconds: this.whole(3000), waitedMs: 1, cached, replayed: false, cut: false };
    const bytes = { bytesIn: 2, bytesOut: 10, text: 'a result' };
    tell({ type: 'call_started', call });
    tell({ type: 'call_finished', call, end: { ...end, ...bytes, ...(failure && { failure }) } });
    const billed = server === 'files' && !cached && failure !== 'denied';
    this.add({
      calls: 1,
      errors: failure === undefined ? 0 : 1,
      cost_tools_usd: billed ? (tool === 'search' ? 0.125 : 0.01) : 0,
    });
  }

  private add(amounts: Partial<Tally>): void {
    for (const [name, amount] of Object.entries(amounts)) this.tally[name as keyof Tally] += amount;
  }

  /** A number from 0 to 1 (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  private whole(below: number): number {
    return Math.floor(this.random() * below);
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)] as T;
  }
}
