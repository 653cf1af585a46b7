import { isUtf8 } from 'node:buffer';
import type { Mark, Problems } from './problems';
import type { ReadFile } from './sources';

/** A variable of an env file, and where its name stands. */
export interface EnvVariable {
  readonly value: string;
  readonly at: Mark;
}

export type EnvVariables = ReadonlyMap<string, EnvVariable>;

export interface EnvFileOptions {
  readonly files: readonly string[];
  readonly readFile: ReadFile;
  /** Permission bits of a file; absent where the system does not know them. */
  readonly modeOf?: (file: string) => number | undefined;
}

/**
 * The variables of env files; of two with one name the later one counts. The form is that of Docker Compose, where
 * such files come from: `NAME=value`, `export` in front or not, a comment behind ` #`. In quotes a value may have
 * several lines, and in double quotes `\n`, `\t`, `\"` and `\\` mean what they mean elsewhere. (Node's own parser ends
 * a value at every `#`, and so would cut passwords.) Nothing is replaced in values. No problem holds a value.
 */
export function readEnvFiles({ files, readFile, modeOf }: EnvFileOptions, problems: Problems): EnvVariables {
  const variables = new Map<string, EnvVariable>();
  for (const file of files) {
    const text = textOf(file, readFile, problems);
    if (text === undefined) continue;
    warnOfMode(file, modeOf?.(file), problems);
    for (const [name, variable] of parse(file, text, problems)) variables.set(name, variable);
  }
  return variables;
}

function textOf(file: string, readFile: ReadFile, problems: Problems): string | undefined {
  const nowhere = { file, line: 0, column: 0 };
  try {
    const bytes = readFile(file);
    if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
    problems.error([], nowhere, 'is not UTF-8 text');
  } catch (error) {
    const { code } = error as { code?: unknown };
    problems.error([], nowhere, `cannot be read (${typeof code === 'string' ? code : 'unknown reason'})`);
  }
  return undefined;
}

function warnOfMode(file: string, mode: number | undefined, problems: Problems): void {
  if (mode === undefined || (mode & 0o077) === 0) return;
  const shown = (mode & 0o777).toString(8);
  const message = `may be read or changed by others (mode ${shown}): chmod 600 ${file}`;
  problems.warn([], { file, line: 0, column: 0 }, message);
}

const assignment = /^(\s*(?:export\s+)?)([A-Za-z_]\w*)\s*=[ \t]*(.*)$/;

function parse(file: string, text: string, problems: Problems): Map<string, EnvVariable> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const found = new Map<string, EnvVariable>();
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    const match = assignment.exec(line);
    if (match === null) {
      const at = { file, line: index + 1, column: line.search(/\S/) + 1 };
      problems.error([], at, 'must be NAME=value, a comment (#), or empty');
      continue;
    }
    const [, before = '', name = '', written = ''] = match;
    const at = { file, line: index + 1, column: before.length + 1 };
    const quote = /^["']/.exec(written)?.[0];
    if (quote === undefined) {
      found.set(name, { value: written.replace(/(?:^|\s+)#.*$/, '').trimEnd(), at });
      continue;
    }
    const quoted = readQuoted([written.slice(1), ...lines.slice(index + 1)], quote);
    if (quoted === undefined) {
      problems.error([name], at, `its value begins with ${quote} and has no end`);
      break;
    }
    found.set(name, { value: quoted.value, at });
    index += quoted.lines;
  }
  return found;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** A value up to its closing quote, and how many further lines it takes. */
function readQuoted(lines: readonly string[], quote: string): { value: string; lines: number } | undefined {
  let value = '';
  for (const [count, line] of lines.entries()) {
    for (let at = 0; at < line.length; at += 1) {
      const letter = line.charAt(at);
      if (letter === quote) return { value, lines: count };
      if (letter === '\\' && quote === '"' && at + 1 < line.length) {
        at += 1;
        const next = line.charAt(at);
        value += escapes[next] ?? (next === '"' || next === '\\' ? next : `\\${next}`);
      } else value += letter;
    }
    value += '\n';
  }
  return undefined;
}
