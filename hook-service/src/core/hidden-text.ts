/**
 * What nobody sees but a model reads, or what rewrites a terminal: escape sequences (ECMA-48), control characters but
 * tab and line ends, marks of writing direction, tag characters and runs of variation selectors, in which text can be
 * smuggled. The joiners stay: scripts and emoji need them.
 */
const hidden =
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_]?)|[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]|\p{Bidi_Control}|[\u200b\u2060-\u2064\ufeff]|[\u{e0000}-\u{e007f}]|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2,}/gu;
const some = new RegExp(hidden.source, 'u');

/** The text without what is hidden in it; half characters become U+FFFD. */
export function withoutHidden(text: string): string {
  const whole = text.replace(/\p{Cs}/gu, '\ufffd');
  return some.test(whole) ? whole.replace(hidden, '') : whole;
}

/** True where `withoutHidden` would take something out. */
export function holdsHidden(text: string): boolean {
  return some.test(text);
}

/** The text with everything hidden in it written out as `\u{…}`, for people who must see it. */
export function showHidden(text: string): string {
  return text.replace(hidden, (found) =>
    [...found].map((each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`).join(''),
  );
}
