import { jsonTexts } from '../requests';
import { doorEntry } from '../servers';
import type { Rule } from '../rule';

/** `"tools": "auto"` without Toolturn. */
export const requestTools: Rule = {
  ids: ['K14'],
  level: 'error',
  title: '"tools" is not a list',
  why: 'LiteLLM sends tools: [] to the provider, and real providers refuse that.',
  *find(context) {
    if (doorEntry(context) !== undefined) return;
    for (const { name, text, place } of jsonTexts(context))
      if (name === 'tools' && place.path.length === 1)
        yield {
          at: place.value.at,
          message: `"tools" is "${text}"`,
          change: ['leave "tools" out; with Toolturn "tools": "auto" asks for its tools'],
        };
  },
};
