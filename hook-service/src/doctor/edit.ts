/** Puts `text` in the place of the characters from `start` up to `end` of a file. */
export interface Edit {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Applies edits to one text. Of two that touch the same characters the later one in the list is left out: it is
 * found again when the doctor runs the next time.
 */
export function applyEdits(text: string, edits: readonly Edit[]): { text: string; applied: readonly Edit[] } {
  const applied: Edit[] = [];
  for (const edit of edits) {
    const same = applied.some(
      (other) => other.start === edit.start && other.end === edit.end && other.text === edit.text,
    );
    const meets = applied.some((other) => edit.start < other.end && other.start < edit.end);
    if (!same && !meets) applied.push(edit);
  }
  const backwards = applied
    .map((edit, index) => ({ edit, index }))
    .sort((a, b) => b.edit.start - a.edit.start || b.index - a.index);
  let result = text;
  for (const { edit } of backwards) result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  return { text: result, applied };
}
