import { withoutHidden } from './hidden-text';
import type { Json, JsonObject } from './json';
import type { FailureKind, HostTool, ToolResult } from './ports';
import type { SecretMask, TextOrigin } from './secret-patterns';

/** Shorter values stand in ordinary texts: a port, a database's name, `true`. */
const leastSecretLength = 12;
const hiddenSecret = '[redacted]';

/** Makes texts fit to be read by a model: without what nobody sees, without secrets, and errors without internals. */
export type Mask = (text: string, failure?: FailureKind, from?: TextOrigin) => string;

/**
 * `secrets` are values that must not be told, `folders` are places of ours whose paths mean nothing to a model. A
 * value that looks like a path or an address is no secret: tools have to speak of those. `byForm` finds secrets that
 * nobody has told us of.
 */
export function createMask(
  secrets: readonly string[],
  folders: readonly string[] = [],
  byForm?: SecretMask,
): Mask {
  const literals = [...new Set(secrets)]
    .filter((secret) => secret.length >= leastSecretLength && /^[\w.~+=/-]+$/.test(secret))
    .filter((secret) => !secret.startsWith('/') && !secret.startsWith('.'))
    // A long one first: it may begin with a short one.
    .sort((left, right) => right.length - left.length);
  return (text, failure, from) => {
    let clean = withoutHidden(text);
    for (const secret of literals) if (clean.includes(secret)) clean = clean.replaceAll(secret, hiddenSecret);
    // `user:password@` in an address; bounded, since results are long.
    clean = clean.replace(
      /(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/:@"'<>]{0,200}:[^\s/@"'<>]{1,500}@/gi,
      `$1${hiddenSecret}@`,
    );
    clean = byForm?.(clean, from) ?? clean;
    return failure === 'tool_error' ? withoutInternals(clean, folders) : clean;
  };
}

/** A server can nest values as deep as it likes; deeper ones are left out. */
const deepest = 200;

/**
 * A result with every text in it masked, what its server gave included: the very same object where nothing had to be.
 * The data of images, audio and files stays as it is. `tool` is the tool's name in the catalog.
 */
export function maskedResult(mask: Mask, result: ToolResult, tool?: string): ToolResult {
  const counts: Record<string, number> = {};
  const fields = Object.entries(result).map(([key, field]: [string, Json]) => {
    const inField: Record<string, number> = {};
    const found = (pattern: string): void => void (inField[pattern] = (inField[pattern] ?? 0) + 1);
    const clean = maskedValue(
      mask,
      field,
      { ...(tool === undefined ? {} : { tool }), found },
      result.failure,
    );
    // What a server gives twice, as text and as structured content, is one thing.
    for (const [pattern, count] of Object.entries(inField))
      counts[pattern] = Math.max(counts[pattern] ?? 0, count);
    return [key, clean, field] as const;
  });
  if (fields.every(([, clean, field]) => clean === field)) return result;
  const clean = Object.fromEntries(fields.map(([key, field]) => [key, field])) as unknown as ToolResult;
  return Object.keys(counts).length === 0 ? clean : { ...clean, masked: counts };
}

/** A tool with every text of its definition masked; arguments are compared with the schema that its server wrote. */
export function maskedTool(mask: Mask, tool: HostTool, name: string): HostTool {
  const { description, title, inputSchema, outputSchema, annotations } = tool;
  const texts = { description, title, inputSchema, outputSchema, annotations };
  const shown = Object.fromEntries(
    Object.entries(texts).filter(([, value]) => value !== undefined),
  ) as JsonObject;
  const clean = maskedValue(mask, shown, { tool: name });
  if (clean === shown) return tool;
  const masked = { ...tool, ...(clean as unknown as Partial<HostTool>) };
  if (masked.inputSchema === inputSchema) return masked;
  return { ...masked, serverSchema: tool.serverSchema ?? inputSchema };
}

/** Any value with every text in it masked: the very same where nothing had to be. */
export function maskedValue<T extends Json | undefined>(
  mask: Mask,
  value: T,
  from?: TextOrigin,
  failure?: FailureKind,
): T {
  const masked = (inner: Json | undefined, depth: number): Json | undefined => {
    if (typeof inner === 'string') return mask(inner, failure, from);
    if (typeof inner !== 'object' || inner === null) return inner;
    if (depth > deepest) return null;
    if (Array.isArray(inner)) {
      const items = inner.map((item) => masked(item, depth + 1) ?? null);
      return items.some((item, index) => item !== inner[index]) ? items : inner;
    }
    const binary = binaryField(inner);
    const fields = Object.entries(inner).map(
      ([key, field]) =>
        [mask(key, failure, from), key === binary ? field : masked(field, depth + 1), key, field] as const,
    );
    if (fields.every(([key, field, oldKey, oldField]) => key === oldKey && field === oldField)) return inner;
    return Object.fromEntries(fields.map(([key, field]) => [key, field]));
  };
  return masked(value, 0) as T;
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
