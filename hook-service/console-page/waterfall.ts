import type { CallView, RoundView, TurnView } from './shapes.ts';

/** One bar: what happened when, in thousandths of the whole, so that it can be drawn at any width. */
export interface Bar {
  readonly kind: 'round' | 'call';
  readonly key: string;
  readonly round: number;
  readonly from: number;
  readonly length: number;
  /** How much of the length was spent waiting. */
  readonly waited: number;
  readonly running: boolean;
  readonly failed: boolean;
  readonly ms: number;
  readonly of: RoundView | CallView;
}

export interface Waterfall {
  readonly totalMs: number;
  readonly bars: readonly Bar[];
  /** Round numbers for a scale, in milliseconds. */
  readonly ticks: readonly number[];
}

const whole = 1000;
/** A bar that cannot be seen tells nothing. */
const least = 4;
const visible = 8;

/** A turn drawn over time: each round of the model, then the calls of it in the order in which they began. */
export function waterfallOf(turn: TurnView, now: number): Waterfall {
  const soFar = Math.max(0, now - turn.at);
  const ends = [...turn.rounds, ...turn.calls].map(({ at, ms }) => at + (ms ?? 0));
  const totalMs = Math.max(1, turn.ms ?? soFar, ...ends);
  const scale = (ms: number): number => Math.min(whole, Math.max(0, (ms / totalMs) * whole));
  const bar = (of: RoundView | CallView, more: Pick<Bar, 'kind' | 'key' | 'waited' | 'failed'>): Bar => {
    const running = of.ms === undefined && turn.ms === undefined;
    const ms = of.ms ?? Math.max(0, (turn.ms ?? soFar) - of.at);
    const from = Math.min(scale(of.at), whole - least);
    const length = Math.min(whole - from, Math.max(least, scale(ms)));
    return { ...more, round: of.round, from, length, running, ms, of };
  };
  const rounds = turn.rounds.map((round) =>
    bar(round, { kind: 'round', key: `round ${round.round}`, waited: 0, failed: false }),
  );
  const calls = turn.calls.map((call) =>
    bar(call, {
      kind: 'call',
      key: `call ${call.number}`,
      waited: scale(call.waitedMs) < visible ? 0 : scale(call.waitedMs),
      failed: call.failure !== undefined,
    }),
  );
  const numbers = [...new Set([...rounds, ...calls].map(({ round }) => round))].sort((a, b) => a - b);
  const bars = numbers.flatMap((number) => [
    ...rounds.filter(({ round }) => round === number),
    ...calls.filter(({ round }) => round === number),
  ]);
  return { totalMs, bars, ticks: ticksOf(totalMs) };
}

/** Three to six steps of 1, 2 or 5 times a power of ten. */
function ticksOf(totalMs: number): number[] {
  const rough = totalMs / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough) ?? power * 10;
  return Array.from({ length: Math.floor(totalMs / step) }, (_, index) => (index + 1) * step).filter(
    (tick) => tick < totalMs * 0.97,
  );
}

export interface Hidden {
  readonly rounds: number;
  readonly calls: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly tokens: number;
}

/** What a client with `surface: hidden` sees nothing of: all rounds but the last one, and the calls that ran here. */
export function hiddenOf(turn: TurnView): Hidden {
  const rounds = turn.rounds.slice(0, -1);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  return {
    rounds: rounds.length,
    calls: turn.calls.length + turn.moreCalls,
    failed: turn.calls.filter(({ failure }) => failure !== undefined).length,
    bytesIn: sum(turn.calls.map(({ bytesIn }) => bytesIn)),
    bytesOut: sum(turn.calls.map(({ bytesOut }) => bytesOut)),
    tokens: sum(rounds.map(({ tokens }) => (tokens === undefined ? 0 : tokens.input + tokens.output))),
  };
}

/** Tokens of all rounds that are known. */
export function tokensOf(turn: TurnView): { input: number; output: number; cached: number } {
  return turn.rounds.reduce(
    (sum, { tokens }) => ({
      input: sum.input + (tokens?.input ?? 0),
      output: sum.output + (tokens?.output ?? 0),
      cached: sum.cached + (tokens?.cached ?? 0),
    }),
    { input: 0, output: 0, cached: 0 },
  );
}
