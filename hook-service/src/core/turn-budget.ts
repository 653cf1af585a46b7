import { parseArguments } from './arguments';
import { canonicalDigest, canonicalJson } from './canonical-json';
import type { Outcome, ToolCall } from './dialect';
import { matchesGlob, type Limits } from './limits';
import type { Tokens } from './usage';

/** A limit of the turn, by which its tool work ended. */
export type LimitEnd =
  | 'limit_rounds'
  | 'limit_calls'
  | 'limit_seconds'
  | 'limit_tokens'
  | 'limit_cost'
  | 'limit_bytes'
  | 'limit_repeats'
  | 'limit_rate'
  | 'limit_conversation'
  | 'limit_key';

/** How often one call was made, and what it came to last. */
interface Made {
  running: number;
  /** How often in a row it came to the same text. */
  same: number;
  result?: string;
}

/** What a model is told where no more tools run: it knows by this that it has to answer now. */
export const atTheEnd = 'Answer with what is known';

/** How often a model may insist on a call that was refused as a repetition, before its tools are withdrawn. */
const insistences = 2;

/** What one turn has used up of its limits. Counts only; the turn acts on it. */
export class TurnBudget {
  private calls = 0;
  private tokens = 0;
  private bytes = 0;
  private readonly byTool = new Map<string, number>();
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
      return refusal(call, 'the limit of tool work in this turn is reached', `${atTheEnd}.`);
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

  /** Why one tool, by its name in the catalog, may not be called any more in this turn; else the call counts. */
  tool(name: string): string | undefined {
    const rule = this.limits.tools?.find(({ pattern }) => matchesGlob(pattern, name));
    if (rule?.calls === undefined) return undefined;
    const made = this.byTool.get(rule.pattern) ?? 0;
    if (made >= rule.calls) return `the limit of ${rule.calls} calls of this tool in one turn is reached`;
    this.byTool.set(rule.pattern, made + 1);
    return undefined;
  }

  /** How much of a result of so many bytes the model may get; it counts from now on. */
  takeBytes(wanted: number): number {
    const { resultBytes, turnResultBytes } = this.limits;
    const taken = Math.min(wanted, resultBytes, Math.max((turnResultBytes ?? Infinity) - this.bytes, 0));
    this.bytes += taken;
    return taken;
  }

  /** Tool work ends, whatever this turn has left. */
  end(by: LimitEnd): void {
    this.ended ??= by;
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
    const { tokens, rounds, turnResultBytes } = this.limits;
    if (turnResultBytes !== undefined && this.bytes >= turnResultBytes) return 'limit_bytes';
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

/** What the model is told of a call that a limit beyond this turn forbids. */
export function limitRefusal(call: ToolCall, what: string): string {
  return refusal(call, `the limit of ${what} is reached`, `${atTheEnd}, and say so.`);
}

/** The limits of a turn in words that go behind "the limit of". */
export function limitText(end: LimitEnd, limits: Limits): string {
  const what: Readonly<Record<LimitEnd, string>> = {
    limit_rounds: `${limits.rounds} rounds`,
    limit_calls: `${limits.calls} tool calls`,
    limit_seconds: `${Math.round(limits.turnMs / 1000)} seconds`,
    limit_tokens: `${limits.tokens} tokens`,
    limit_cost: 'what one turn may cost',
    limit_bytes: `${limits.turnResultBytes} bytes of tool results`,
    limit_repeats: `${limits.repeats} equal tool calls`,
    limit_rate: 'tool calls a minute',
    limit_conversation: 'what this conversation may use',
    limit_key: 'what this key may use',
  };
  return what[end];
}

/** What the model reads behind the last result, where no result says yet why there are no more tools. */
export function limitTold(what: string): string {
  return `[The limit of ${what} is reached: no more tools run in this turn. ${atTheEnd}, and say so.]`;
}

/** What a client reads where the model left it without any text after a limit. */
export function limitNote(what: string): string {
  return `No answer was reached: the model still asked for tools when the limit of ${what} was used up.`;
}
