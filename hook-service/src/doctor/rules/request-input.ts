import { jsonTexts } from '../requests';
import type { Rule } from '../rule';

/** The text part of chat in a request to /v1/responses. */
export const requestInput: Rule = {
  ids: ['K18'],
  level: 'error',
  title: 'The Responses API has no part of type "text"',
  why: 'The provider refuses the request.',
  mends: true,
  *find(context) {
    for (const { name, text, place, source } of jsonTexts(context)) {
      if (name !== 'type' || text !== 'text' || place.path[0] !== 'input' || !place.path.includes('content'))
        continue;
      yield {
        at: place.value.at,
        message: 'a part of "input" has type "text"',
        change: ['"type": "input_text"'],
        fix: { edits: source.replaceScalar(place.value.at, '"input_text"') },
      };
    }
  },
};
