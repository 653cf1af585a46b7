import { jsonTexts } from '../requests';
import type { Rule } from '../rule';

const withoutVersion = /^(?:ANTHROPIC_BASE_URL|GOOGLE_GEMINI_BASE_URL|ANTHROPIC_API_BASE)$/;

/** Addresses with /v1 for clients that add it themselves, and the other way round. */
export const clientBase: Rule = {
  ids: ['K88'],
  level: 'error',
  title: 'The client asks at a path that is not there',
  why: 'Anthropic’s and Google’s clients add the version to the address themselves, OpenAI’s do not.',
  *find(context) {
    for (const { name, text, place } of jsonTexts(context)) {
      const right = withoutVersion.test(name) ? text.replace(/\/v1(?:beta)?\/?$/, '') : text;
      const longer =
        /^(?:OPENAI_BASE_URL|OPENAI_API_BASE)$/.test(name) && /^https?:\/\/[^/]+\/?$/.test(text)
          ? text.replace(/\/?$/, '/v1')
          : right;
      if (longer !== text)
        yield {
          at: place.value.at,
          message: `${name} ${right === text ? 'lacks /v1' : 'must not end with /v1'}`,
          change: [`"${name}": "${longer}"`],
        };
    }
  },
};
