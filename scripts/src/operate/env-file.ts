/** Env files of `NAME=value` lines: read, and changed without touching what else stands in them. */
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../errors';
import { writeWhole } from '../install-files';

const assignment = /^(\s*(?:export\s+)?)([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;

/** The variables of an env file, as docker compose and systemd read plain ones; quotes around a value go. */
export function parseEnv(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const match = assignment.exec(line);
      return match?.[2] === undefined ? [] : [[match[2], unquoted(match[3] ?? '')] as const];
    }),
  );
}

/** The variables of a file; none where there is no file. */
export function readEnvFile(file: string): Map<string, string> {
  if (!existsSync(file)) return new Map();
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch {
    throw new StartError(`${file} cannot be read: run this as its owner.`);
  }
}

/**
 * The text with these variables set, `undefined` takes one out. Lines, comments and order stay; a new one comes behind
 * its commented-out line (`#NAME=`), else at the end. Where a name stands twice all its lines get the value.
 */
export function changeEnv(text: string, changes: Readonly<Record<string, string | undefined>>): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  let lines = text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
  for (const [name, value] of Object.entries(changes)) {
    if (value !== undefined && /[\r\n\0]/.test(value))
      throw new StartError(`The value of ${name} must be one line.`);
    const isSet = (line: string): boolean => assignment.exec(line)?.[2] === name;
    if (value === undefined) {
      lines = lines.filter((line) => !isSet(line));
      continue;
    }
    const written = `${name}=${quoted(value)}`;
    if (lines.some(isSet)) {
      lines = lines.map((line) => (isSet(line) ? (assignment.exec(line)?.[1] ?? '') + written : line));
      continue;
    }
    const example = lines.findIndex((line) => new RegExp(`^#\\s*${name}=`).test(line));
    lines.splice(example < 0 ? lines.length : example + 1, 0, written);
  }
  return lines.map((line) => line + eol).join('');
}

/** Changes a file in one step, mode 600; a file that is missing is made. Returns how to put it back. */
export function changeEnvFile(
  file: string,
  changes: Readonly<Record<string, string | undefined>>,
): () => void {
  const before = existsSync(file)
    ? { text: readFileSync(file), mode: statSync(file).mode & 0o7777 }
    : undefined;
  writeWhole(file, changeEnv(before?.text.toString('utf8') ?? '', changes), dirname(file), 0o600);
  chmodSync(file, 0o600);
  return () => {
    if (before === undefined) return rmSync(file, { force: true });
    writeWhole(file, before.text, dirname(file), before.mode);
    chmodSync(file, before.mode);
  };
}

/** Docker compose expands `$` in unquoted values and takes `#` behind a space for a comment. */
function quoted(value: string): string {
  if (/^[A-Za-z0-9_./:@%+=,~^&?*!-]*$/.test(value)) return value;
  if (value.includes("'"))
    throw new StartError(
      "A value with a ' and other special signs cannot be written to an env file: choose another.",
    );
  return `'${value}'`;
}

function unquoted(value: string): string {
  const trimmed = value.trim();
  const match = /^(['"])(.*)\1$/.exec(trimmed);
  return match?.[2] ?? trimmed.replace(/\s+#.*$/, '');
}
