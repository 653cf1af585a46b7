import { withoutHidden } from './hidden-text';
import type { Json, JsonObject } from './json';
import type { FailureKind, ToolResult } from './ports';

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

/** A server can nest values as deep as it likes; deeper ones are left out. */
const deepest = 200;

/**
 * A result with every text in it masked, what its server gave included: the very same object where nothing had to be.
 * The data of images, audio and files stays as it is.
 */
export function maskedResult(mask: Mask, result: ToolResult): ToolResult {
  const { failure } = result;
  const masked = (value: Json | undefined, depth = 0): Json | undefined => {
    if (typeof value === 'string') return mask(value, failure);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > deepest) return null;
    if (Array.isArray(value)) {
      const items = value.map((item) => masked(item, depth + 1) ?? null);
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    const binary = binaryField(value);
    const fields = Object.entries(value).map(
      ([key, field]) =>
        [mask(key, failure), key === binary ? field : masked(field, depth + 1), key, field] as const,
    );
    if (fields.every(([key, field, oldKey, oldField]) => key === oldKey && field === oldField)) return value;
    return Object.fromEntries(fields.map(([key, field]) => [key, field]));
  };
  return masked(result as unknown as JsonObject) as unknown as ToolResult;
}

/** Where a part of a result (MCP `ContentBlock`) holds what is no text. */
function binaryField({ type, uri, data, blob }: JsonObject): string | undefined {
  if ((type === 'image' || type === 'audio') && typeof data === 'string') return 'data';
  return typeof uri === 'string' && typeof blob === 'string' ? 'blob' : undefined;
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
