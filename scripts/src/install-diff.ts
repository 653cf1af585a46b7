/** A unified diff of an edit in one place, as a person reads it before saying yes. */

const context = 3;

/** The diff of two texts that differ in one range of lines; empty when they do not. */
export function unifiedDiff(before: string, after: string, from: string, to = from): string {
  if (before === after) return '';
  const [old, now] = [linesOf(before), linesOf(after)];
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  let tail = 0;
  while (
    tail < old.length - same &&
    tail < now.length - same &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  )
    tail += 1;
  const first = Math.max(0, same - context);
  const rest = Math.min(context, tail);
  const oldEnd = old.length - tail;
  const nowEnd = now.length - tail;
  return [
    `--- ${from}`,
    `+++ ${to}`,
    `@@ -${span(first, oldEnd + rest)} +${span(first, nowEnd + rest)} @@`,
    ...old.slice(first, same).map((line) => show(' ', line)),
    ...old.slice(same, oldEnd).map((line) => show('-', line)),
    ...now.slice(same, nowEnd).map((line) => show('+', line)),
    ...old.slice(oldEnd, oldEnd + rest).map((line) => show(' ', line)),
  ].join('\n');
}

/** Lines with their breaks, so that a missing last one is a difference. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function span(start: number, end: number): string {
  return `${end === start ? start : start + 1},${end - start}`;
}

function show(sign: string, line: string): string {
  const text = sign + line.replace(/\r?\n$/, '');
  return line.endsWith('\n') ? text : `${text}\n\\ No newline at end of file`;
}
