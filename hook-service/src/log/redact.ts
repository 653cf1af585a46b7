const redacted = '[redacted]';

/** Shorter literals would black out ordinary words and numbers. */
const leastSecretLength = 6;

/** Names under which credentials travel, whatever stands before or after them. */
const secretName =
  /authorization|api[-_]?key|cookie|token|secret|passw(?:or)?d|passphrase|credential|private[-_]?key|master[-_]?key|virtual[-_]?key|^keys?$/i;

/** Counts of tokens are what a log is for; only numbers may stand under such a name. */
const countName = /[tT]okens(?:$|[-_A-Z])/;

const patterns: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic)\s{1,4}[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  [/\bsk-[\w-]{3,}/g, redacted],
  [/(:\/\/[^\s/:@]{0,200}:)[^\s/@]{1,500}@/g, `$1${redacted}@`],
  [
    /((?:api[-_]?key|access[-_]token|password|secret)["']{0,2}\s{0,4}[:=]\s{0,4}["']?)[^\s"',;&}]+/gi,
    `$1${redacted}`,
  ],
];

/** What decides whether a text may be written, and what is taken out of it. */
export interface Redactor {
  /** The text without secrets, and not longer than `longest`. */
  text(text: string, longest: number): string;
  /** How the value of a field of this name is to be treated. */
  rule(name: string): 'write' | 'numbers' | 'hide';
  readonly hidden: string;
}

/** Takes out credentials by the names and forms they have, and `secrets` wherever they stand. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const literals = [
    ...new Set(secrets.filter((secret) => secret.length >= leastSecretLength).flatMap(forms)),
  ];
  // A long one first: it may begin with a short one, and its rest would be left over.
  literals.sort((a, b) => b.length - a.length);
  const margin = literals[0]?.length ?? 0;

  function withoutSecrets(text: string): string {
    let clean = text;
    for (const literal of literals) {
      if (clean.includes(literal)) clean = clean.replaceAll(literal, redacted);
    }
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
    return clean;
  }

  return {
    hidden: redacted,
    text(text, longest) {
      if (text.length <= longest) return withoutSecrets(text);
      // A secret cut in two is not recognized, so what may be half of one at the end is dropped as well.
      const clean = withoutSecrets(text.slice(0, longest + margin));
      return `${clean.slice(0, Math.max(0, Math.min(longest, clean.length - margin)))}… (${text.length} characters)`;
    },
    rule(name) {
      if (!secretName.test(name)) return 'write';
      return countName.test(name) ? 'numbers' : 'hide';
    },
  };
}

/** A secret as it is, and as it stands inside a URL, inside JSON, and after `Basic`. */
function forms(secret: string): string[] {
  const base64 = Buffer.from(secret, 'utf8').toString('base64');
  return [secret, urlForm(secret), JSON.stringify(secret).slice(1, -1), base64];
}

function urlForm(secret: string): string {
  try {
    return encodeURIComponent(secret);
  } catch {
    return secret; // half a surrogate pair has no form in a URL
  }
}
