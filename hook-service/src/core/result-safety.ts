import { withoutHidden } from './hidden-text';
import type { FailureKind } from './ports';

/** Shorter values stand in ordinary texts: a port, a database's name, `true`. */
const leastSecretLength = 12;
const hiddenSecret = '[redacted]';

/** Makes texts fit to be read by a model: without what nobody sees, without secrets, and errors without internals. */
export type Mask = (text: string, failure?: FailureKind) => string;

/**
 * `secrets` are values that must not be told, `folders` are places of ours whose paths mean nothing to a model. A
 * value that looks like a path or an address is no secret: tools have to speak of those.
 */
export function createMask(secrets: readonly string[], folders: readonly string[] = []): Mask {
  const literals = [...new Set(secrets)]
    .filter((secret) => secret.length >= leastSecretLength && /^[\w.~+=/-]+$/.test(secret))
    .filter((secret) => !secret.startsWith('/') && !secret.startsWith('.'))
    // A long one first: it may begin with a short one.
    .sort((left, right) => right.length - left.length);
  return (text, failure) => {
    let clean = withoutHidden(text);
    for (const secret of literals) if (clean.includes(secret)) clean = clean.replaceAll(secret, hiddenSecret);
    // `user:password@` in an address; bounded, since results are long.
    clean = clean.replace(
      /(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/:@"'<>]{0,200}:[^\s/@"'<>]{1,500}@/gi,
      `$1${hiddenSecret}@`,
    );
    return failure === 'tool_error' ? withoutInternals(clean, folders) : clean;
  };
}

/** A server's error without stack traces (JavaScript, Python, Java, Go) and without paths of installed programs. */
function withoutInternals(text: string, folders: readonly string[]): string {
  let clean = withoutTraces(text);
  for (const folder of folders) if (folder.length > 1) clean = clean.replaceAll(folder, '(path)');
  return clean.replace(
    /(?:[A-Za-z]:)?(?:[\\/][\w.@+ -]{1,100}){0,20}[\\/](?:node_modules|site-packages|dist-packages)(?:[\\/][\w.@+-]{1,100}){0,20}(?::\d+){0,2}/g,
    '(path)',
  );
}

const frame =
  /^\s*(?:at\s.{1,400}[(:].{0,400}|File ".{1,400}", line \d+.*|goroutine \d+ \[.*|\.{3} \d+ more|~*\^[~^]*)\s*$/;

function withoutTraces(text: string): string {
  if (!/\bat\s|Traceback|goroutine/.test(text)) return text;
  const lines = text.split('\n');
  let inPython = false;
  const kept = lines.filter((line) => {
    if (/^\s*Traceback \(most recent call last\):/.test(line)) {
      inPython = true;
      return false;
    }
    // Behind a traceback's indented lines stands the error itself.
    if (inPython && /^\s/.test(line)) return false;
    inPython = false;
    return line.length > 1_000 || !frame.test(line);
  });
  return kept.length === lines.length ? text : kept.join('\n').trimEnd();
}
