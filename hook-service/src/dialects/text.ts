/**
 * The texts of several rounds as one answer. Models end a sentence and go on after a tool without any space;
 * where both sides would run into each other a blank line stands between them.
 */
export function joinTexts(texts: readonly string[]): string {
  return texts
    .filter((text) => text !== '')
    .reduce((joined, text) => joined + separator(joined, text) + text, '');
}

/** What must stand between two texts so that they do not run into each other; empty where there is white space already. */
export function separator(before: string, after: string): string {
  return before === '' || after === '' || /\s$/.test(before) || /^\s/.test(after) ? '' : '\n\n';
}
