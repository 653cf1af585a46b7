import { z } from 'zod';
import type { AllowanceLimits, Amounts } from '../core/allowance';
import type { Limits } from '../core/limits';
import type { TurnsAtOnce } from '../core/overload';
import type { RateLimits } from '../core/rates';
import { dollars, duration, seconds, wholeNumber } from './fields';

const defaultCallMaxMs = 300_000;

const toolLimitsShape = {
  calls: wholeNumber(1, 1000).optional().describe('calls of it in one turn').meta({ example: 5 }),
  calls_per_minute: wholeNumber(1, 1_000_000)
    .optional()
    .describe('calls of it by one key, over all replicas')
    .meta({ example: 10 }),
};
const toolLimits = z.strictObject(toolLimitsShape, { error: 'must be a map with calls or calls_per_minute' });

/** What may be limited over several turns. */
const amountsShape = {
  rounds: wholeNumber(1, 1_000_000_000)
    .optional()
    .describe('rounds of turns with tool calls')
    .meta({ example: 200 }),
  calls: wholeNumber(1, 1_000_000_000).optional().describe('tool calls').meta({ example: 500 }),
  turn_seconds: seconds(1, 1_000_000_000)
    .optional()
    .describe('wall clock of turns with tool calls, together')
    .meta({ example: 3600 }),
  tokens: wholeNumber(1000, 1_000_000_000_000)
    .optional()
    .describe('tokens of all model calls, prompts and answers, those without tools included')
    .meta({ counts: 'tokens', example: 2_000_000 }),
  cost: dollars(0.000001, 1_000_000_000)
    .optional()
    .describe('dollars: all model calls, as LiteLLM logs them, and prices of tools')
    .meta({ example: 5 }),
  result_bytes: wholeNumber(1000, 1_000_000_000_000)
    .optional()
    .describe('tool results, as the model reads them')
    .meta({ counts: 'bytes', example: 10_000_000 }),
};
const conversationShape = {
  ...amountsShape,
  forget_after: duration(60, 90 * 86_400)
    .default(7 * 86_400)
    .describe('how long a conversation has to rest until its counts begin anew'),
};
const keyShape = {
  ...amountsShape,
  window: duration(60, 90 * 86_400)
    .default(86_400)
    .describe('the time that counts: it slides, and what lies further back comes free bit by bit'),
};

const limitsShape = {
  rounds: wholeNumber(1, 100)
    .default(10)
    .describe('model calls of one turn that may ask for tools; then the model is asked once more without'),
  calls: wholeNumber(1, 1000).default(50).describe('tool calls of one turn'),
  parallel: wholeNumber(1, 64).default(8).describe('tool calls of one turn at the same time'),
  turn_seconds: seconds(0.1, 3600).default(300_000).describe('wall clock of one turn'),
  answer_seconds: seconds(0.1, 600)
    .default(60_000)
    .describe('what the last answer may take after a limit was reached'),
  call_seconds: seconds(0.1, 3600)
    .default(60_000)
    .describe('one tool call without progress; a shorter `timeout` of its server wins'),
  call_max_seconds: seconds(0.1, 3600)
    .optional()
    .describe('one tool call whatever progress it reports; never less than `call_seconds`')
    .meta({ fallback: defaultCallMaxMs }),
  tokens: wholeNumber(1000, 100_000_000)
    .optional()
    .describe(
      'tokens of all rounds of a turn, prompts and answers; then the model is asked once more without tools',
    )
    .meta({ counts: 'tokens', example: 200_000 }),
  cost: dollars(0.000001, 1_000_000)
    .optional()
    .describe(
      'dollars of one turn: what LiteLLM says its rounds cost, and prices of tools; then the model is asked once more without tools',
    )
    .meta({ example: 0.5 }),
  turn_result_bytes: wholeNumber(1000, 1_000_000_000)
    .optional()
    .describe(
      'all tool results of one turn together; what goes beyond is cut, then the model is asked once more without tools',
    )
    .meta({ counts: 'bytes', example: 1_000_000 }),
  repeats: wholeNumber(1, 1000)
    .default(5)
    .describe(
      'how often in a turn the same call may come to the same result; then it is refused, and a model that insists must answer without tools',
    ),
  turns: wholeNumber(1, 100_000)
    .default(1000)
    .describe(
      'turns in work at once in one hook-service; more are refused with 503 and `Retry-After` before the model is asked',
    ),
  turns_per_key: wholeNumber(1, 100_000)
    .optional()
    .describe('the same for one key, with 429')
    .meta({ example: 20 }),
  calls_per_minute: wholeNumber(1, 1_000_000)
    .optional()
    .describe(
      'tool calls of one key, over all its turns and all replicas; then the model is asked once more without tools',
    )
    .meta({ example: 120 }),
  tools: z
    .record(z.string(), toolLimits, { error: 'must be a map of tool names or globs to limits' })
    .default({})
    .describe(
      'tool name (`server__tool`) or glob with `*`: limits of single tools; the first that fits counts. Only that tool is refused',
    )
    .meta({ example: { 'web__*': { calls_per_minute: 10 } } }),
  conversation: z
    .strictObject(conversationShape, { error: 'must be a map of limits' })
    .describe('what one conversation may use, over all its turns and all replicas')
    .prefault({}),
  key: z
    .strictObject(keyShape, { error: 'must be a map of limits' })
    .describe('what one key may use in a window of time, over all its turns and all replicas')
    .prefault({}),
  result_bytes: wholeNumber(1000, 10_000_000)
    .default(100_000)
    .describe(
      'a longer tool result is cut; the model can read on with the built-in tool `read_more` (up to 4 MB, for `outcome_ttl`)',
    )
    .meta({ counts: 'bytes' }),
  body_bytes: wholeNumber(100_000, 1_073_741_824)
    .default(33_554_432)
    .describe('a larger request to hook-service is refused')
    .meta({ counts: 'bytes' }),
};

/** Schema of `toolturn.limits`. */
export const limitsSchema = z.strictObject(limitsShape, { error: 'must be a map of limits' });

export const knownLimitKeys = {
  'toolturn.limits': Object.keys(limitsShape),
  'toolturn.limits.conversation': Object.keys(conversationShape),
  'toolturn.limits.key': Object.keys(keyShape),
};

/** What `toolturn.limits` comes to. */
export interface LimitsSection {
  readonly limits: Limits;
  /** How often tools may be called. */
  readonly rates: RateLimits;
  /** What conversations and keys may use over time, and a turn in dollars. */
  readonly allowances: AllowanceLimits;
  /** How many turns may be in work at once, in this process. */
  readonly turnsAtOnce: TurnsAtOnce;
  /** A larger request or response body is refused. */
  readonly bodyBytes: number;
}

export function limitsIn(section: z.output<typeof limitsSchema>): LimitsSection {
  const tools = Object.entries(section.tools);
  return {
    limits: {
      rounds: section.rounds,
      calls: section.calls,
      parallel: section.parallel,
      turnMs: section.turn_seconds,
      answerMs: section.answer_seconds,
      callMs: section.call_seconds,
      // Never less than what a call may take in silence, so that raising that limit alone has its effect.
      callMaxMs: Math.max(section.call_max_seconds ?? defaultCallMaxMs, section.call_seconds),
      repeats: section.repeats,
      ...(section.tokens === undefined ? {} : { tokens: section.tokens }),
      ...(section.turn_result_bytes === undefined ? {} : { turnResultBytes: section.turn_result_bytes }),
      ...(tools.length === 0
        ? {}
        : {
            tools: tools.map(([pattern, { calls }]) => ({
              pattern,
              ...(calls === undefined ? {} : { calls }),
            })),
          }),
      resultBytes: section.result_bytes,
    },
    rates: {
      ...(section.calls_per_minute === undefined ? {} : { callsPerMinute: section.calls_per_minute }),
      tools: tools.map(([pattern, { calls_per_minute: callsPerMinute }]) => ({
        pattern,
        ...(callsPerMinute === undefined ? {} : { callsPerMinute }),
      })),
    },
    allowances: {
      ...(section.cost === undefined ? {} : { turnCostUsd: section.cost }),
      conversation: {
        most: amountsIn(section.conversation),
        forgetSeconds: section.conversation.forget_after,
      },
      key: { most: amountsIn(section.key), windowSeconds: section.key.window },
    },
    turnsAtOnce: {
      all: section.turns,
      ...(section.turns_per_key === undefined ? {} : { perKey: section.turns_per_key }),
    },
    bodyBytes: section.body_bytes,
  };
}

type WrittenAmounts = Pick<
  z.output<typeof limitsSchema>['key'],
  'rounds' | 'calls' | 'turn_seconds' | 'tokens' | 'cost' | 'result_bytes'
>;

function amountsIn(written: WrittenAmounts): Partial<Amounts> {
  const {
    rounds,
    calls,
    turn_seconds: milliseconds,
    tokens,
    cost: costUsd,
    result_bytes: resultBytes,
  } = written;
  const all = { rounds, calls, milliseconds, tokens, costUsd, resultBytes };
  return Object.fromEntries(Object.entries(all).filter(([, most]) => most !== undefined));
}
