import { ToolturnError } from '../core/errors';

/** A place in a config file, counted from 1. */
export interface Mark {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with the configuration, in words for the person who edits it. */
export interface ConfigProblem extends Mark {
  /** Where in the configuration: `mcp_servers.fs.args[0]`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong and what to do. Never holds a value that came from the environment. */
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

export type Path = readonly (string | number)[];

/** Everything that is wrong with the configuration, at once. Its message is the readable list. */
export class ConfigInvalid extends ToolturnError {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super('config_invalid', problems.map(formatProblem).join('\n'));
  }
}

/** `config.yaml:12:5 toolturn.limits.rounds: must be a whole number from 1 to 100, got "ten"`. */
export function formatProblem({ file, line, column, path, message, severity }: ConfigProblem): string {
  const where = line > 0 ? `${file}:${line}:${column}` : file;
  const place = severity === 'warning' ? `${where} warning:` : where;
  return path === '' ? `${place} ${message}` : `${place} ${path}: ${message}`;
}

/** Collects problems, so that one run tells all of them. */
export class Problems {
  readonly #found: ConfigProblem[] = [];

  error(path: Path, at: Mark, message: string): void {
    this.#found.push({ ...at, path: pathText(path), message, severity: 'error' });
  }

  warn(path: Path, at: Mark, message: string): void {
    this.#found.push({ ...at, path: pathText(path), message, severity: 'warning' });
  }

  /** True where something was found wrong at exactly this path: what follows from it need not be said. */
  hasError(path: Path): boolean {
    const text = pathText(path);
    return this.#found.some((problem) => problem.severity === 'error' && problem.path === text);
  }

  /** The warnings, or an exception which carries every error and every warning. */
  finish(): ConfigProblem[] {
    const sorted = [...this.#found].sort(
      (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
    );
    if (sorted.some((problem) => problem.severity === 'error')) throw new ConfigInvalid(sorted);
    return sorted;
  }
}

/** `['mcp_servers', 'fs', 'args', 0]` as `mcp_servers.fs.args[0]`. A raw key used as a name is not repeated. */
export function pathText(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${maskKey(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** A virtual key may stand as a name in the file; problems are logged, and a log is no place for keys. */
export function maskKey(text: string): string {
  return text.startsWith('sk-') ? 'sk-…' : text;
}
