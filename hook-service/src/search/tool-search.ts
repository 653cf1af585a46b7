import MiniSearch from 'minisearch';
import type { IndexTools, SearchEntry } from '../core/ports';
import { otherWords } from './synonyms';
import { searchTerm, splitWords } from './words';

/**
 * A word of the tool's name says more than one of its description. Measured on tests/support/labelled-questions.ts:
 * the figures move by two or three questions in a hundred between half and twice of each weight.
 */
const boost = { name: 3, server: 2, description: 0.7, parameters: 0.5 };
/** What a word counts for that was not said but means the same, begins the same, or is spelled alike. */
const weights = { otherWord: 0.6, prefix: 0.4, fuzzy: 0.2 };

/** Longer queries cost time and say no more. */
const longestQuery = 500;

/** Full-text search over tools, by BM25 with prefixes and small spelling mistakes (minisearch). */
export const indexTools: IndexTools = (entries) => {
  const index = new MiniSearch<SearchEntry & { id: number }>({
    fields: Object.keys(boost),
    extractField: (entry, field) => {
      const value = entry[field as keyof typeof entry];
      return Array.isArray(value) ? value.join(' ') : String(value);
    },
    tokenize: splitWords,
    processTerm: (word) => searchTerm(word),
  });
  index.addAll(entries.map((entry, id) => ({ ...entry, id })));
  return {
    search(words, limit, accepts) {
      const said = splitWords(words.slice(0, longestQuery));
      const found = index.search(
        {
          combineWith: 'OR',
          queries: [
            said.join(' '),
            {
              queries: [otherWords(said).join(' ')],
              boostTerm: () => weights.otherWord,
              prefix: false,
              fuzzy: false,
              processTerm: (word) => word,
            },
          ],
        },
        {
          boost,
          prefix: (term) => term.length > 2,
          fuzzy: (term) => (term.length > 4 ? 0.2 : false),
          weights,
          filter: ({ id }) => accepts(id as number),
        },
      );
      // Equal scores stand in the order of the catalog.
      return found
        .sort((left, right) => right.score - left.score || (left.id as number) - (right.id as number))
        .slice(0, limit)
        .map(({ id }) => id as number);
    },
  };
};
