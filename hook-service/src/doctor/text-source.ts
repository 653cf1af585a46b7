import type { Mark } from '../config/problems';
import type { Edit } from './edit';

/** A text file with its lines, and ways from one to the other. */
export class TextSource {
  readonly lines: readonly string[];
  readonly #starts: number[];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    this.lines = text.split(/\r?\n/);
    this.#starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  mark(offset: number): Mark {
    let line = this.#starts.length;
    while (line > 1 && (this.#starts[line - 1] ?? 0) > offset) line -= 1;
    return { file: this.file, line, column: offset - (this.#starts[line - 1] ?? 0) + 1 };
  }

  offset({ line, column }: Mark): number {
    return (this.#starts[line - 1] ?? 0) + Math.max(column, 1) - 1;
  }

  lineAt({ line }: Mark): string {
    return this.lines[line - 1] ?? '';
  }

  /** Every place where the pattern (with the flag g) matches, line by line; lines that are comments are left out. */
  *matches(
    pattern: RegExp,
  ): Iterable<{ readonly at: Mark; readonly match: RegExpExecArray; readonly line: string }> {
    for (const [index, line] of this.lines.entries()) {
      if (/^\s*(?:#|\/\/|--)/.test(line)) continue;
      for (const match of line.matchAll(pattern))
        yield { at: { file: this.file, line: index + 1, column: match.index + 1 }, match, line };
    }
  }

  /** From `at` to the end of its line, with the comment there. */
  restOfLine(at: Mark): string {
    return this.lineAt(at)
      .slice(at.column - 1)
      .trimEnd();
  }

  replace(at: Mark, length: number, text: string): Edit {
    const start = this.offset(at);
    return { file: this.file, start, end: start + length, text };
  }

  /** Takes out whole lines from the one at `from` to the one at `to`. */
  removeLines(from: Mark, to: Mark): Edit {
    const start = this.#starts[from.line - 1] ?? 0;
    return { file: this.file, start, end: this.#starts[to.line] ?? this.text.length, text: '' };
  }

  /** The line break of this file. */
  get newline(): string {
    return this.text.includes('\r\n') ? '\r\n' : '\n';
  }
}
