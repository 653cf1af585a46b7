/** A text that should be JSON, parsed; undefined for one that is not: what we cannot read counts as not there. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
