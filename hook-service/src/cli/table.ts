/** How wide a table may be where the terminal does not say. */
const defaultWidth = 100;

/** Text of others for a terminal: nothing in it can move the cursor, colour or hide anything. */
export function plain(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '');
}

/** The same in one line. */
export function oneLine(text: string): string {
  return plain(text).replace(/\s+/g, ' ').trim();
}

/** `$0.0123`, `$1.20`; four digits below a dollar. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(amount === 0 || amount >= 1 ? 2 : 4)}`;
}

/**
 * Rows under their headings, columns as wide as they need be; the last one is cut where the line would be longer than
 * the terminal.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width = process.stdout.columns ?? defaultWidth,
): string {
  const lines = [headings, ...rows.map((row) => row.map(oneLine))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const left = Math.max(20, width - before);
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column < line.length - 1 ? cell.padEnd((widths[column] ?? 0) + 2) : cut(cell, left),
        )
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
