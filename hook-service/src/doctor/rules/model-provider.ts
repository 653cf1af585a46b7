import { writtenModels } from '../models';
import type { Rule } from '../rule';

/** What LiteLLM knows the provider of without being told. */
const knownWithout =
  /^(?:gpt|o[1-9]|chatgpt|codex|text-|tts|whisper|dall-e|claude|gemini|embed-|rerank|voyage|jina|amazon\.|anthropic\.|meta\.|cohere\.|ai21\.|pixtral|ministral|open-|sonar|command|mistral|codestral|deepseek|grok|os\.environ\/|\*|ft:|\$\{)/;

/** A model without a provider, which LiteLLM drops. */
export const modelProvider: Rule = {
  ids: ['K13'],
  level: 'error',
  title: 'LiteLLM does not know the provider of this model',
  why: 'The model silently drops out of the list, and requests for it fail.',
  *find(context) {
    for (const { model, at, params } of writtenModels(context)) {
      if (model.includes('/') || knownWithout.test(model) || params.has('custom_llm_provider')) continue;
      const isMock = /mock/.test(model);
      yield {
        at,
        // LiteLLM knows more names than this list.
        ...(isMock ? {} : { level: 'warning' as const }),
        message: `"${model}" names no provider`,
        change: isMock
          ? ['model: openai/gpt-4o-mock', 'api_key: none', 'mock_response: The gateway works.']
          : [`model: openai/${model}   # or the provider it is of`],
      };
    }
  },
};
