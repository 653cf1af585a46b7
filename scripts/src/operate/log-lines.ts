/** Log lines on their way to a person: what looks like a secret is not shown. */
import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** What a secret looks like, whoever logged it: keys, bearer tokens, passwords in addresses, filled variables. */
const secrets: readonly [RegExp, string][] = [
  [/\bsk-[A-Za-z0-9_-]{8,}/g, 'sk-***'],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 ***'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*:)[^\s@"']+@/gi, '$1***@'],
  [/\b(gh[pousr]_|github_pat_|xox[baprs]-|AKIA|AIza|glpat-)[A-Za-z0-9_-]{8,}/g, '$1***'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, '***'],
  [
    /(["']?[A-Za-z0-9_-]*(?:password|passwd|secret|api[_-]?key|master[_-]?key|access[_-]?token|authorization)["']?\s*[:=]\s*["']?)(?!\*\*\*|os\.environ|Bearer |Basic |null|None|true|false)[^\s"',}]{6,}/gi,
    '$1***',
  ],
];

/** The line without what looks like a secret, and without the `known` ones. */
export function withoutSecrets(line: string, known: readonly string[] = []): string {
  let shown = line;
  for (const value of known) if (value.length >= 6) shown = shown.replaceAll(value, '***');
  for (const [pattern, instead] of secrets) shown = shown.replace(pattern, instead);
  return shown;
}

const longestLine = 1024 * 1024;

/** Passes on whole lines, masked, each with `prefix`. */
export function maskedLines(known: readonly string[] = [], prefix = ''): Transform {
  let rest = '';
  const decoder = new StringDecoder('utf8');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      // A line without end would be kept for ever.
      if (rest.length > longestLine) lines.push(rest.slice(0, longestLine), (rest = ''));
      done(null, lines.map((line) => `${prefix}${withoutSecrets(line, known)}\n`).join(''));
    },
    flush(done) {
      done(null, rest === '' ? '' : `${prefix}${withoutSecrets(rest, known)}\n`);
    },
  });
}
