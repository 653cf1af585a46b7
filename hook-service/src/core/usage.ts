import { isJsonObject, type Json, type JsonObject } from './json';

/**
 * Adds usage up over rounds, whatever fields the provider counts in: numbers are summed, details inside
 * objects likewise, and of anything else the last one stays.
 */
export function sumUsage(rounds: readonly (JsonObject | undefined)[]): JsonObject | undefined {
  const known = rounds.filter((usage): usage is JsonObject => usage !== undefined);
  if (known.length <= 1) return known[0];
  return known.reduce(add);
}

function add(left: JsonObject, right: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(names.map((name) => [name, addValue(left[name], right[name])]));
}

function addValue(left: Json | undefined, right: Json | undefined): Json | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (isJsonObject(left) && isJsonObject(right)) return add(left, right);
  return right ?? left;
}

/** Whether a chat request asks for usage at the end of its stream. */
export function wantsUsage({ stream_options: options }: JsonObject): boolean {
  return isJsonObject(options) && options['include_usage'] === true;
}

/** Tokens of one model call, the same whoever counts. */
export interface Tokens {
  /** All of the prompt, what came from the provider's cache included. */
  readonly input: number;
  readonly output: number;
  /** The part of `input` that came from the provider's cache. */
  readonly cached: number;
}

/**
 * Reads usage of any dialect: OpenAI's (chat, responses), Anthropic's, which counts cached tokens apart from
 * `input_tokens`, and Gemini's, which counts thoughts apart from the answer.
 */
export function readTokens(usage: JsonObject | undefined): Tokens | undefined {
  if (usage === undefined) return undefined;
  const count = (name: string, within?: string): number => {
    const holder = within === undefined ? usage : usage[within];
    const value = isJsonObject(holder) ? holder[name] : undefined;
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
  };
  const anthropicCached = count('cache_read_input_tokens');
  const isAnthropic = 'input_tokens' in usage && !('input_tokens_details' in usage);
  const apart = isAnthropic ? anthropicCached + count('cache_creation_input_tokens') : 0;
  return {
    input: count('prompt_tokens') + count('input_tokens') + apart + count('promptTokenCount'),
    output:
      count('completion_tokens') +
      count('output_tokens') +
      count('candidatesTokenCount') +
      count('thoughtsTokenCount'),
    cached:
      (isAnthropic ? anthropicCached : 0) +
      count('cached_tokens', 'prompt_tokens_details') +
      count('cached_tokens', 'input_tokens_details') +
      count('cachedContentTokenCount'),
  };
}
