import { createHash } from 'node:crypto';

/** Deeper values are written as they are: nothing that is compared is nested like that, and the stack has an end. */
const deepest = 500;

/** JSON with the fields of every object in order, so that equal values are equal texts; a regular expression is its source. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > deepest) return JSON.stringify(value) ?? 'null';
  if (value instanceof RegExp) return JSON.stringify(String(value));
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each, depth + 1)).join(',')}]`;
  const fields = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each, depth + 1)}`);
  return `{${fields.join(',')}}`;
}

/** SHA-256 of a value, in hex; the order of fields does not count. */
export function canonicalDigest(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
