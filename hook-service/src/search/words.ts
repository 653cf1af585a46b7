/** How text becomes the words that are compared. The same for what is searched and for what is asked. */

/**
 * Words that say nothing about which tool is meant. Verbs like "get" and "list" are no stop words: they are what
 * tells `get_issue` from `list_issues`.
 */
const stopWords = new Set(
  (
    'a about above after all also am an and any are as at be because been before being below but by can could did do does ' +
    'doing done for from had has have having he her here hers him his how i if in into is it its just let like ll ' +
    'm may me might more most must my no not of off on one only or other our ours out over own please re s same shall she ' +
    'should so some such t than that the their theirs them then there these they this those through to too under until up us ve ' +
    'very via want was we were what when where which while who whom whose why will with within without would you your yours'
  ).split(' '),
);

/** Splits at everything that is no letter or digit, and where `camelCase` or `HTTPServer` changes. */
export function splitWords(text: string): string[] {
  return text
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** The form in which a word is compared; undefined for one that does not count. */
export function searchTerm(word: string): string | undefined {
  const lower = word.toLowerCase();
  return stopWords.has(lower) ? undefined : stem(lower);
}

/** Takes the usual English endings off, so that "issues", "merging" and "closed" meet "issue", "merge" and "close". */
function stem(word: string): string {
  if (word.length <= 3) return word;
  const singular =
    word.endsWith('ies') && word.length > 4 ? `${word.slice(0, -3)}y` : word.replace(/([^s])s$/, '$1');
  const bare = singular.replace(/(?:ing|ed)$/, '');
  const root = bare.length >= 3 && /[aeiouy]/.test(bare) ? bare.replace(/([^aeiouls])\1$/, '$1') : singular;
  return root.length > 3 ? root.replace(/e$/, '') : root;
}
