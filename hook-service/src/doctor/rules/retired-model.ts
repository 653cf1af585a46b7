import { writtenModels } from '../models';
import type { Rule } from '../rule';

/** Ids that their providers have shut down or announced to, with what took their place. */
const retired: readonly [RegExp, string][] = [
  [/claude-3-5-sonnet|claude-3-7-sonnet|claude-3-sonnet/, 'anthropic/claude-sonnet-4-5'],
  [/claude-3-(?:5-)?haiku/, 'anthropic/claude-haiku-4-5'],
  [/claude-3-opus|claude-opus-4(?:-1|-0|-2025\d+)?$|claude-2|claude-instant/, 'a current Opus'],
  [/gemini-(?:pro|1\.0|1\.5)/, 'gemini/gemini-2.5-flash'],
  [/gpt-4-(?:vision|32k|0314|0613)|gpt-3\.5|text-davinci/, 'openai/gpt-4o'],
];

/** A model that is gone, or soon will be. */
export const retiredModel: Rule = {
  ids: ['K93'],
  level: 'warning',
  title: 'The provider has retired this model',
  why: 'Requests fail with "not found", today or on a day that the provider chooses.',
  *find(context) {
    for (const { model, at } of writtenModels(context)) {
      const found = retired.find(([pattern]) => pattern.test(model));
      if (found) yield { at, message: `"${model}" is retired`, change: [`model: ${found[1]}`] };
    }
  },
};
