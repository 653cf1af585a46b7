import { parseArguments } from './arguments';
import { canonicalDigest, canonicalJson } from './canonical-json';
import type { Outcome, ToolCall } from './dialect';
import type { Limits } from './limits';
import type { Tokens } from './usage';

/** A limit of the turn, by which its tool work ended. */
export type LimitEnd =
  'limit_rounds' | 'limit_calls' | 'limit_seconds' | 'limit_tokens' | 'limit_repeats' | 'limit_rate';

/** How often one call was made, and what it came to last. */
interface Made {
  running: number;
  /** How often in a row it came to the same text. */
  same: number;
  result?: string;
}

/** How often a model may insist on a call that was refused as a repetition, before its tools are withdrawn. */
const insistences = 2;

/** What one turn has used up of its limits. Counts only; the turn acts on it. */
export class TurnBudget {
  private calls = 0;
  private tokens = 0;
  private insisted = 0;
  private ended: LimitEnd | undefined;
  private readonly made = new Map<string, Made>();

  constructor(private readonly limits: Limits) {}

  /** Calls that have begun, refused ones too. */
  get begun(): number {
    return this.calls;
  }

  /** A call begins. Returns what the model is told where it may not run. */
  begin(call: ToolCall): string | undefined {
    this.calls += 1;
    if (this.calls > this.limits.calls) {
      this.ended ??= 'limit_calls';
      return refusal(call, 'the limit of tool work in this turn is reached', 'Answer with what is known.');
    }
    const made = this.madeOf(call);
    const { repeats } = this.limits;
    if (made.running + made.same >= repeats) {
      this.insisted += 1;
      if (this.insisted >= insistences) this.ended ??= 'limit_repeats';
      return refusal(
        call,
        `the same call was made ${repeats} times in this turn and came to the same each time`,
        'Go on with that result, or do something else.',
      );
    }
    made.running += 1;
    return undefined;
  }

  /** A call that ran has come to its end. */
  settle({ call, text, ends }: Outcome): void {
    if (ends !== undefined) this.ended ??= ends;
    const made = this.madeOf(call);
    const result = canonicalDigest(text);
    made.same = made.result === result ? made.same + 1 : 1;
    made.result = result;
    made.running = Math.max(made.running - 1, 0);
  }

  /** A round has ended with so many tokens, where the provider counts them. */
  read(tokens: Tokens | undefined): void {
    this.tokens += (tokens?.input ?? 0) + (tokens?.output ?? 0);
  }

  /** The limit by which tool work ends after this round; undefined while there is room. */
  reached(roundNumber: number): LimitEnd | undefined {
    if (this.ended !== undefined) return this.ended;
    const { tokens, rounds } = this.limits;
    if (tokens !== undefined && this.tokens >= tokens) return 'limit_tokens';
    return roundNumber >= rounds ? 'limit_rounds' : undefined;
  }

  private madeOf(call: ToolCall): Made {
    const read = parseArguments(call.arguments);
    const key = `${call.name}\0${read.ok ? canonicalJson(read.value) : call.arguments}`;
    const known = this.made.get(key) ?? { running: 0, same: 0 };
    this.made.set(key, known);
    return known;
  }
}

function refusal(call: ToolCall, why: string, advice: string): string {
  return `The tool ${call.name.slice(0, 128)} was not run: ${why}. ${advice}`;
}

/** What a client reads where the model left it without any text after a limit. */
export function limitNote(end: LimitEnd, limits: Limits): string {
  const what: Readonly<Record<LimitEnd, string>> = {
    limit_rounds: `${limits.rounds} rounds`,
    limit_calls: `${limits.calls} tool calls`,
    limit_seconds: `${Math.round(limits.turnMs / 1000)} seconds`,
    limit_tokens: `${limits.tokens} tokens`,
    limit_repeats: `${limits.repeats} equal tool calls`,
    limit_rate: 'tool calls a minute',
  };
  return `No answer was reached: the model still asked for tools when the limit of ${what[end]} was used up.`;
}
