export interface LineReaderOptions {
  /** Longest line in bytes. */
  readonly limit: number;
  onLine(line: string): void;
  /** Called once per line that is too long, with its beginning; the rest of that line is skipped. */
  onTooLong(beginning: string): void;
}

/** Splits bytes into lines. Keeps the pieces of a long line apart until it ends, so that its cost stays linear. */
export class LineReader {
  private pieces: Buffer[] = [];
  private size = 0;
  private skipping = false;

  constructor(private readonly options: LineReaderOptions) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      this.keep(chunk.subarray(from, at));
      this.end();
      from = at + 1;
    }
    if (from < chunk.length) this.keep(chunk.subarray(from));
  }

  /** Delivers what is left without a line end. */
  end(): void {
    const { pieces, skipping } = this;
    this.pieces = [];
    this.size = 0;
    this.skipping = false;
    if (skipping || pieces.length === 0) return;
    const only = pieces.length === 1 ? pieces[0] : undefined;
    this.options.onLine((only ?? Buffer.concat(pieces)).toString('utf8').replace(/\r$/, ''));
  }

  private keep(piece: Buffer): void {
    if (this.skipping || piece.length === 0) return;
    this.size += piece.length;
    this.pieces.push(piece);
    if (this.size <= this.options.limit) return;
    const beginning = Buffer.concat(this.pieces).subarray(0, Math.min(this.options.limit, 2_000));
    this.pieces = [];
    this.skipping = true;
    this.options.onTooLong(beginning.toString('utf8'));
  }
}
