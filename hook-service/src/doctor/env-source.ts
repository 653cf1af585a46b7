import { TextSource } from './text-source';
import type { Mark } from '../config/problems';

/** One `NAME=value` of an env file. */
export interface Variable {
  readonly name: string;
  /** Without its quotes. */
  readonly value: string;
  readonly at: Mark;
  /** Where the value stands in the file, quotes included. */
  readonly valueAt: Mark;
  readonly written: string;
}

/** An env file: variables with their places, and who may read it. */
export class EnvSource extends TextSource {
  readonly variables: readonly Variable[];

  constructor(
    file: string,
    text: string,
    /** Permission bits; absent where the system does not know them. */
    readonly mode?: number,
  ) {
    super(file, text);
    this.variables = this.lines.flatMap((line, index) => {
      const match = /^(\s*(?:export\s+)?)([A-Za-z_]\w*)(\s*=\s*)(.*?)\s*$/.exec(line);
      if (match === null) return [];
      const [, before = '', name = '', between = '', written = ''] = match;
      const column = before.length + 1;
      const at = { file, line: index + 1, column };
      const valueAt = { ...at, column: column + name.length + between.length };
      return [{ name, value: unquoted(written), at, valueAt, written }];
    });
  }

  value(name: string): string | undefined {
    return this.variables.findLast((variable) => variable.name === name)?.value;
  }
}

function unquoted(written: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(written);
  // Compose and systemd both end an unquoted value at a # behind a space.
  return quoted?.[2] ?? written.replace(/\s+#.*$/, '');
}
