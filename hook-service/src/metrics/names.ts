/** How names and texts become values that every reader takes for text. */

const maxLength = 120;

/** What Grafana's Redis plugin would read as a number, and so make a whole column of numbers. */
const likeNumber = /^(?:nan|[+-]?inf(?:inity)?|true|false)$/i;

/**
 * A text as it may stand in a key, a field or a label: one line, well-formed, at most 120 characters, never empty and
 * never anything that reads as a number.
 */
export function safeName(text: string, empty = 'none'): string {
  const cut = text.length > 4 * maxLength ? text.slice(0, 4 * maxLength) : text;

  const clean = cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\p{Surrogate}]+/gu, ' ').trim();
  const bounded = [...clean]
    .slice(0, maxLength - 2)
    .join('')
    .trim();
  if (bounded === '') return empty;
  return /^[A-Za-z]/.test(bounded) && !likeNumber.test(bounded) ? bounded : `n:${bounded}`;
}

/** Names that are seen, up to a bound; whatever comes later counts as `other`. */
export class NameSet {
  private readonly names = new Map<string, string>();
  private readonly shown = new Set<string>();

  constructor(private readonly limit: number) {}

  /** The name as it is counted. */
  of(text: string): string {
    const known = this.names.get(text);
    if (known !== undefined) return known;
    const name = safeName(text);
    if (this.names.size >= this.limit) return 'other';
    this.names.set(text, name);
    this.shown.add(name);
    return name;
  }

  /** All names so far. */
  all(): readonly string[] {
    return [...this.shown];
  }
}
