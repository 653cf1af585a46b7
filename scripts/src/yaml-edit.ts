/** Edits of a YAML text: each replaces one range, and all other characters stay. */
import { CST, Parser, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { endsInBlockText, type ConfigText } from './install-yaml';

/** One replaced range. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** New lines behind the line of an offset; a missing line break at the end of the file stays missing. */
export function lineEdit(text: string, offset: number, lines: readonly string[]): Edit {
  const eol = lineBreak(text);
  const next = text.indexOf('\n', offset);
  if (next < 0) return { from: text.length, to: text.length, text: eol + lines.join(eol) };
  return { from: next + 1, to: next + 1, text: lines.map((line) => line + eol).join('') };
}

/** One more item in a flow collection: on a line of its own where the last one has one. */
export function flowEdit(text: string, collection: YAMLSeq | YAMLMap, item: string): Edit {
  const token = collection.srcToken as CST.FlowCollection;
  const filled = token.items.filter(({ key, value, sep }) => key ?? value ?? sep);
  if (filled.length === 0) {
    const at = token.start.offset + token.start.source.length;
    return { from: at, to: at, text: item };
  }
  // Before a comma at the end, which stays where it is.
  const node = collection.items.at(-1);
  const at = endOfItem(node);
  const begin = startOfItem(node);
  const own = text.slice(lineStart(text, begin), begin);
  const gap = /^[ \t]+$/.test(own) ? lineBreak(text) + own : ' ';
  return { from: at, to: at, text: `,${gap}${item}` };
}

export function startOfItem(item: unknown): number {
  const key = (item as { key?: Node }).key;
  return (key ?? (item as Node)).range?.[0] ?? 0;
}

export function endOfItem(item: unknown): number {
  const { key, value } = item as { key?: Node; value?: Node | null };
  return key === undefined ? ((item as Node).range?.[1] ?? 0) : (value?.range?.[1] ?? key.range?.[1] ?? 0);
}

/** Where the document ends: the end of the file, or its `...`. */
function documentEnd(text: string): number {
  for (const token of new Parser().parse(text)) if (token.type === 'doc-end') return token.offset;
  return text.length;
}

export function lineBreak(text: string): string {
  return /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
}

export function lineStart(text: string, offset: number): number {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return start === 0 && text.startsWith('\uFEFF') ? 1 : start;
}

export function column(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

export function rangeOf(node: Node): { from: number; to: number } {
  return { from: node.range?.[0] ?? 0, to: node.range?.[1] ?? 0 };
}

export function apply(text: string, edit: Edit): string {
  return text.slice(0, edit.from) + edit.text + text.slice(edit.to);
}

/** A new section: at the end, or before the first one where the end is part of a text. */
export function sectionEdits(
  { text, root }: ConfigText,
  key: string,
  body: (indent: number) => string[],
): Edit[] {
  const first = (root.items[0]?.key as Node | undefined)?.range?.[0] ?? 0;
  const indent = column(text, first);
  const lines = [`${' '.repeat(indent)}${key}:`, ...body(indent + 2)];
  const start = lineStart(text, first);
  const eol = lineBreak(text);
  const top: Edit = { from: start, to: start, text: lines.map((line) => line + eol).join('') };
  const end = documentEnd(text);
  const open = end > 0 && text[end - 1] !== '\n';
  if (open && endsInBlockText(root)) return [top];
  return [{ from: end, to: end, text: (open ? eol : '') + lines.join(eol) + (open ? '' : eol) }, top];
}
