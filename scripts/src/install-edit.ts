/**
 * Adds the guardrail entry to the text of a config, and takes it out again. Every edit replaces one range; all other
 * characters stay. An edit counts only if the result, read again, differs by the entry and by nothing else.
 */
import { isDeepStrictEqual } from 'node:util';
import { CST, isAlias, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { StartError } from './errors';
import { isRecord } from './json';
import {
  endsInBlockText,
  entriesOf,
  guardrailEntry,
  guardrailName,
  lastOffset,
  namesTheDoor,
  readConfigText,
  section,
  valueOf,
  type ConfigText,
} from './install-yaml';
import {
  apply,
  column,
  endOfItem,
  flowEdit,
  lineBreak,
  lineEdit,
  lineStart,
  rangeOf,
  sectionEdits,
  startOfItem,
  type Edit,
} from './yaml-edit';

/** What stood at `guardrails` before the entry: no key, a key without a list, or a list. */
export type Before = 'no-key' | 'no-list' | 'list';

export interface Added {
  readonly text: string;
  readonly before: Before;
  /** Text of the empty value (`~`, `null`, or nothing) which the entry took the place of. */
  readonly replaced: string;
}

/**
 * The config with the entry; undefined when it has one. Throws `StartError` where the section is none that an entry
 * can be added to, or another entry has the same name.
 */
export function addEntry(text: string, file: string): Added | undefined {
  const config = readConfigText(text, file);
  const entries = entriesOf(config);
  if (entries.some(({ guardrail }) => namesTheDoor(guardrail))) return undefined;
  const same = entries.find(({ name }) => name === guardrailName);
  if (same !== undefined) {
    throw new StartError(
      `${config.at(same.node.range?.[0] ?? 0)}: another guardrail is named "${guardrailName}" already: rename it, then try again.`,
    );
  }
  const { before, replaced, edits } = additions(config);
  const value = valueOf(text);
  const there = isRecord(value) ? value : {};
  const list: unknown[] = Array.isArray(there.guardrails) ? there.guardrails : [];
  for (const edit of edits) {
    const result = apply(text, edit);
    const after = valueOf(result);
    if (!isRecord(after) || !isDeepStrictEqual(without(after), without(there))) continue;
    const now = after.guardrails;
    if (!Array.isArray(now) || now.length !== list.length + 1) continue;
    // Last, or first where something behind the list forbids the end.
    const places = [
      [...list, guardrailEntry],
      [guardrailEntry, ...list],
    ];
    if (places.some((expected) => isDeepStrictEqual(now, expected)))
      return { text: result, before, replaced };
  }
  throw new StartError(
    `${file}: no place was found where the guardrail entry can be added without changing anything else. Add it by hand (README, "Add it to a LiteLLM you have").`,
  );
}

/**
 * The config without the entry; undefined when there is none. `before` and `replaced` are those of `addEntry`: a key
 * that came with the entry goes with it.
 */
export function removeEntry(
  text: string,
  file: string,
  { before, replaced }: Pick<Added, 'before' | 'replaced'>,
): string | undefined {
  const config = readConfigText(text, file);
  const entry = entriesOf(config).find(({ guardrail }) => namesTheDoor(guardrail));
  if (entry === undefined) return undefined;
  const list = section(config, 'guardrails')?.value as YAMLSeq<Node>;
  const alone = list.items.length === 1;
  const edit =
    alone && before === 'no-key'
      ? removedSection(config)
      : alone && list.flow === true && before === 'no-list'
        ? { ...rangeOf(list), text: replaced }
        : list.flow === true
          ? removedFlowItem(list, entry.index)
          : removedLines(
              text,
              dash(list, entry.index),
              lastOffset(entry.node, 0),
              endsInBlockText(entry.node),
            );
  const result = apply(text, edit);
  const was = valueOf(text);
  const now = valueOf(result);
  const rest = (list: unknown): unknown[] => (Array.isArray(list) ? (list as unknown[]) : []);
  const expected = isRecord(was) ? rest(was.guardrails).filter((_, index) => index !== entry.index) : [];
  const good =
    isRecord(was) &&
    (isRecord(now) || now === null) &&
    isDeepStrictEqual(without(now ?? {}), without(was)) &&
    isDeepStrictEqual(rest(now?.guardrails), expected);
  if (good) return result;
  throw new StartError(
    `${config.at(entry.node.range?.[0] ?? 0)}: the guardrail entry cannot be taken out without changing anything else. Take it out by hand, then run this again.`,
  );
}

function additions(config: ConfigText): { before: Before; replaced: string; edits: Edit[] } {
  const { text, root } = config;
  const pair = section(config, 'guardrails');
  if (pair === undefined) {
    const edits =
      root.flow === true
        ? [flowEdit(text, root, `"guardrails": [${flowEntry(true)}]`)]
        : sectionEdits(config, 'guardrails', blockEntry);
    return { before: 'no-key', replaced: '', edits };
  }
  const list = pair.value;
  if (isSeq(list)) {
    const edits =
      list.flow === true ? [flowEdit(text, list, flowEntry(root.flow === true))] : itemEdits(text, list);
    return { before: 'list', replaced: '', edits };
  }
  if (isScalar(list) && /^(|~|null)$/i.test(String(list.value)) && list.range) {
    const { from, to } = rangeOf(list);
    const replaced = text.slice(from, to);
    const edits =
      replaced === '' && root.flow !== true
        ? [
            lineEdit(
              text,
              pair.key.range?.[1] ?? from,
              blockEntry(column(text, pair.key.range?.[0] ?? 0) + 2),
            ),
          ]
        : [{ from, to, text: `[${flowEntry(root.flow === true)}]` }];
    return { before: 'no-list', replaced, edits };
  }
  const where = config.at(list?.range?.[0] ?? pair.key.range?.[0] ?? 0);
  if (isAlias(list)) {
    throw new StartError(`${where}: guardrails is an alias: write its list out, then try again.`);
  }
  throw new StartError(`${where}: guardrails must be a list of entries: correct it, then try again.`);
}

function itemEdits(text: string, list: YAMLSeq): Edit[] {
  const first = dash(list, 0);
  const lines = blockEntry(column(text, first));
  const start = lineStart(text, first);
  const top: Edit = { from: start, to: start, text: lines.map((line) => line + lineBreak(text)).join('') };
  const end = lastOffset(list, first);
  if (!endsInBlockText(list)) {
    return [lineEdit(text, Math.max(end, dash(list, list.items.length - 1)), lines), top];
  }
  // The range of a block text ends behind its line break, unless the file ends first.
  if (text[end - 1] !== '\n') return [top];
  return [{ from: end, to: end, text: lines.map((line) => line + lineBreak(text)).join('') }, top];
}

function removedFlowItem(list: YAMLSeq<Node> | YAMLMap, index: number): Edit {
  const items: readonly unknown[] = list.items;
  if (index > 0) return { from: endOfItem(items[index - 1]), to: endOfItem(items[index]), text: '' };
  if (items.length > 1) return { from: startOfItem(items[0]), to: startOfItem(items[1]), text: '' };
  const token = list.srcToken as CST.FlowCollection;
  const comma = token.items.at(-1)?.start.find(({ type }) => type === 'comma');
  return { from: startOfItem(items[0]), to: comma ? comma.offset + 1 : endOfItem(items[0]), text: '' };
}

/** The section with its key. */
function removedSection(config: ConfigText): Edit {
  const { root, text } = config;
  const pair = section(config, 'guardrails');
  if (root.flow === true)
    return removedFlowItem(
      root,
      root.items.findIndex((each) => each === pair),
    );
  const from = pair?.key.range?.[0] ?? 0;
  return removedLines(text, from, lastOffset(pair?.value, from), endsInBlockText(pair?.value));
}

/** The whole lines from one offset to another. */
function removedLines(text: string, from: number, last: number, blockText: boolean): Edit {
  const start = lineStart(text, from);
  const next = blockText && text[last - 1] === '\n' ? last - 1 : text.indexOf('\n', last);
  if (next >= 0) return { from: start, to: next + 1, text: '' };
  // At the end of a file without a last line break the one before goes.
  const eol = text.slice(0, start).endsWith('\r\n') ? 2 : start > 0 ? 1 : 0;
  return { from: start - eol, to: text.length, text: '' };
}

/** Where the `-` of an item of a block list stands. */
function dash(list: YAMLSeq, index: number): number {
  const token = list.srcToken as CST.BlockSequence;
  return (
    token.items[index]?.start.find(({ type }) => type === 'seq-item-ind')?.offset ?? list.range?.[0] ?? 0
  );
}

function blockEntry(indent: number): string[] {
  const space = ' '.repeat(indent);
  return [
    `${space}- guardrail_name: ${guardrailName}`,
    `${space}  litellm_params:`,
    `${space}    guardrail: ${guardrailEntry.litellm_params.guardrail}`,
    `${space}    mode: [${guardrailEntry.litellm_params.mode.join(', ')}]`,
    `${space}    default_on: true`,
  ];
}

/** On one line; in quotes where the file may be JSON. */
function flowEntry(json: boolean): string {
  const text = JSON.stringify(guardrailEntry)
    .replace(/([:,])"/g, '$1 "')
    .replace(':{', ': {')
    .replace(':[', ': [')
    .replace(':true', ': true');
  return json ? text : text.replaceAll('"', '');
}

function without(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'guardrails'));
}
