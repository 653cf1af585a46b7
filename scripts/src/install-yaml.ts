/** Reads a LiteLLM config for an edit: what stands where, in offsets of its text. Nothing is written again. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  Scalar,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { StartError } from './errors';

/** One config file, parsed; every range in it counts in characters of `text`. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
  readonly root: YAMLMap;
  /** `file:line:column` of an offset. */
  at(offset: number): string;
}

export const guardrailName = 'toolturn';

/** What LiteLLM is to read: the same entry as in litellm/config.yaml. */
export const guardrailEntry = {
  guardrail_name: guardrailName,
  litellm_params: {
    guardrail: 'toolturn_guardrail.Toolturn',
    mode: ['pre_call', 'post_call'],
    default_on: true,
  },
};

/** Parses a config. Throws `StartError` with the place where it is no single YAML map. */
export function readConfigText(text: string, file: string): ConfigText {
  const lines = new LineCounter();
  const options = {
    lineCounter: lines,
    uniqueKeys: false,
    keepSourceTokens: true,
    schema: 'failsafe',
  } as const;
  const documents = parseAllDocuments(text, options);
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const all = Array.isArray(documents) ? (documents as Document[]) : [];
  for (const document of all) {
    const problem = document.errors[0];
    if (problem === undefined) continue;
    const reason = problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '');
    throw new StartError(`${at(problem.pos[0])} is not valid YAML: ${reason}. Correct it, then try again.`);
  }
  if (all.length > 1) {
    throw new StartError(
      `${at(all[1]?.contents?.range?.[0] ?? all[1]?.range?.[0] ?? 0)} begins a second YAML document, which LiteLLM does not read: keep one.`,
    );
  }
  const root = all[0]?.contents;
  if (!isMap(root)) {
    throw new StartError(
      `${file} is not a LiteLLM config: it must be a map of sections, such as model_list.`,
    );
  }
  return { file, text, root, at };
}

/** The pair of a section; where the key stands twice the last one, which is the one LiteLLM reads. */
export function section(config: ConfigText, name: string): Pair<Node, Node | null> | undefined {
  const pairs = config.root.items.filter((pair) => isScalar(pair.key) && pair.key.value === name);
  return pairs.at(-1) as Pair<Node, Node | null> | undefined;
}

/** The names under `include:`, as LiteLLM looks them up: relative to the config's folder. */
export function includedFiles(config: ConfigText): string[] {
  const list = section(config, 'include')?.value;
  if (!isSeq(list)) return [];
  return list.items.flatMap((item) => (isScalar(item) && typeof item.value === 'string' ? [item.value] : []));
}

/** The entries of the guardrails section that are maps, with what identifies them. */
export function entriesOf(
  config: ConfigText,
): { name: unknown; guardrail: unknown; node: YAMLMap; index: number }[] {
  const list = section(config, 'guardrails')?.value;
  if (!isSeq(list)) return [];
  return list.items.flatMap((item, index) =>
    isMap(item)
      ? [
          {
            name: item.get('guardrail_name'),
            guardrail: item.getIn(['litellm_params', 'guardrail']),
            node: item,
            index,
          },
        ]
      : [],
  );
}

/** True for the door, however deep the folder it is loaded from. */
export function namesTheDoor(value: unknown): boolean {
  return typeof value === 'string' && /(^|\.)toolturn_guardrail\.Toolturn$/.test(value);
}

/** The whole file as a value, read by YAML 1.1 as LiteLLM reads it; undefined when it is no valid YAML. */
export function valueOf(text: string): unknown {
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, logLevel: 'silent' });
  return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: -1 });
}

/** An offset at the end of what a node says, without the comments and line breaks behind it. */
export function lastOffset(node: unknown, fallback: number): number {
  if (isSeq(node) && node.flow !== true) return lastOffset(node.items.at(-1), node.range?.[0] ?? fallback);
  if (isMap(node) && node.flow !== true) {
    const pair = node.items.at(-1);
    const key = (pair?.key as Node | undefined)?.range?.[1] ?? fallback;
    return lastOffset(pair?.value, key);
  }
  if (isScalar(node) && node.range?.[0] === node.range?.[1]) return fallback; // an empty value
  if (isScalar(node) || isAlias(node) || isMap(node) || isSeq(node)) return node.range?.[1] ?? fallback;
  return fallback;
}

/** True when the node ends in a `|` or `>` text: its end is a question of line breaks. */
export function endsInBlockText(node: unknown): boolean {
  if (isSeq(node) && node.flow !== true) return endsInBlockText(node.items.at(-1));
  if (isMap(node) && node.flow !== true) return endsInBlockText(node.items.at(-1)?.value);
  return isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED);
}
