/**
 * A server's own words, fit for a model or a person: one line, short, without control characters, addresses, file
 * paths of a stack, or what looks like a credential.
 */
export function cleanText(text: string, limit = 300): string {
  return (
    (text.split(/\r?\n\s*at\s/, 1)[0] ?? '')
      .replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, '(address)')
      .replace(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '(address)')
      .replace(/\b[\w-]+(?:\.[\w-]+)*:\d{2,5}\b/g, '(address)')
      .replace(/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED) \S+/g, '$1 (address)')
      .replace(/\b(Bearer|Basic)\s+\S+/gi, '$1 (secret)')
      .replace(/\b(?:sk|pk|gh[pousr]|xox[a-z])[-_][\w-]{8,}/gi, '(secret)')
      // Lines and tabs become blanks; every other invisible character goes.
      .replace(/\s+/g, ' ')
      .replace(/\p{C}/gu, '')
      .trim()
      .slice(0, limit)
  );
}
