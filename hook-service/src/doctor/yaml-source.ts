import { isMap, LineCounter, type Node, type Pair, parseDocument, visit, type YAMLMap } from 'yaml';
import { type Mark, Problems } from '../config/problems';
import { readYaml } from '../config/yaml-reader';
import type { Entry, Located } from '../config/yaml-walker';
import type { Edit } from './edit';
import { TextSource } from './text-source';

/** A value of a YAML file with its way from the top. */
export interface Place {
  readonly path: readonly (string | number)[];
  /** Where its key stands; absent in a list. */
  readonly key?: Mark;
  readonly value: Located;
}

type AnyPair = Pair<Node | null, Node | null>;

/** A YAML file: values as PyYAML reads them, and edits of its text that leave everything else as it is. */
export class YamlSource extends TextSource {
  /** What stands at the top; empty where the file cannot be read. */
  readonly top: ReadonlyMap<string, Entry>;
  readonly #pairs = new Map<number, { readonly pair: AnyPair; readonly map: YAMLMap }>();
  readonly #scalars = new Map<number, Node>();

  constructor(file: string, text: string, problems = new Problems()) {
    super(file, text);
    const yaml = readYaml(text, file, problems);
    this.top = new Map((yaml?.keys ?? []).flatMap((key) => entryOf(key, yaml?.find(key))));
    if (yaml === undefined) return;
    const document = parseDocument(text, {
      schema: 'failsafe',
      uniqueKeys: false,
      lineCounter: new LineCounter(),
      logLevel: 'silent',
    });
    visit(document, {
      Map: (_key, map) => {
        for (const pair of map.items as AnyPair[]) {
          const start = pair.key?.range?.[0];
          if (start !== undefined) this.#pairs.set(start, { pair, map });
        }
      },
      Scalar: (_key, node) => {
        if (node.range) this.#scalars.set(node.range[0], node);
      },
    });
  }

  get(name: string, ...rest: string[]): Entry | undefined {
    let found = this.top.get(name);
    for (const key of rest) found = found?.value.kind === 'map' ? found.value.entries.get(key) : undefined;
    return found;
  }

  /** Every value, those inside before those behind. */
  *places(): Iterable<Place> {
    for (const [name, entry] of this.top) yield* below({ path: [name], key: entry.at, value: entry.value });
  }

  /** The source of the scalar at `at`, quotes included. */
  scalarSource(at: Mark): string | undefined {
    const range = this.#scalars.get(this.offset(at))?.range;
    return range ? this.text.slice(range[0], range[1]) : undefined;
  }

  /** Puts `text` in the place of the scalar at `at`; its comment stays. */
  replaceScalar(at: Mark, text: string): Edit[] {
    const range = this.#scalars.get(this.offset(at))?.range;
    return range ? [{ file: this.file, start: range[0], end: range[1], text }] : [];
  }

  /** Takes out the entry whose key stands at `at`, where it has lines of its own. */
  removeEntry(at: Mark): Edit[] {
    const found = this.#pairs.get(this.offset(at));
    if (!found || found.map.flow === true || !this.#beginsLine(at)) return [];
    // An empty map is taken out with its name.
    const parent = found.map.items.length === 1 ? this.#holderOf(found.map) : undefined;
    if (parent !== undefined) return this.removeEntry(this.mark(parent));
    const from = this.offset(at);
    const last = found.pair.value?.range?.[1] ?? found.pair.key?.range?.[1] ?? from;
    return [this.removeLines(at, this.mark(Math.max(from, last - 1)))];
  }

  /** Puts lines before the first one inside the block map whose key stands at `at`, indented as that one is. */
  insertInside(at: Mark, lines: readonly string[]): Edit[] {
    const value = this.#pairs.get(this.offset(at))?.pair.value;
    if (!isMap<Node, Node>(value) || value.flow === true) return [];
    const first = value.items[0]?.key?.range?.[0];
    if (first === undefined || this.mark(first).line === at.line) return [];
    const indent = ' '.repeat(this.mark(first).column - 1);
    const text = lines.map((line) => `${indent}${line}${this.newline}`).join('');
    const start = first - indent.length;
    return [{ file: this.file, start, end: start, text }];
  }

  /** Puts lines at the end of the file. */
  append(lines: readonly string[]): Edit {
    const end = this.text.length;
    const before = this.text === '' || this.text.endsWith('\n') ? '' : this.newline;
    return {
      file: this.file,
      start: end,
      end,
      text: before + lines.map((line) => line + this.newline).join(''),
    };
  }

  #beginsLine(at: Mark): boolean {
    return /^\s*$/.test(this.lineAt(at).slice(0, at.column - 1));
  }

  #holderOf(map: YAMLMap): number | undefined {
    for (const [start, { pair }] of this.#pairs) if (pair.value === map) return start;
    return undefined;
  }
}

function entryOf(key: string, entry: Entry | undefined): [string, Entry][] {
  return entry === undefined ? [] : [[key, entry]];
}

function* below(place: Place): Iterable<Place> {
  yield place;
  const { value, path } = place;
  if (value.kind === 'map')
    for (const [name, entry] of value.entries)
      yield* below({ path: [...path, name], key: entry.at, value: entry.value });
  if (value.kind === 'seq')
    for (const [index, item] of value.items.entries()) yield* below({ path: [...path, index], value: item });
}

/** The text of a scalar; undefined for everything else. */
export function textOf(value: Located | undefined): string | undefined {
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}

/** The entries of a map; nothing for everything else. */
export function entriesOf(value: Located | undefined): ReadonlyMap<string, Entry> {
  return value?.kind === 'map' ? value.entries : new Map<string, Entry>();
}

/** The items of a list; a single value counts as a list of one. */
export function itemsOf(value: Located | undefined): readonly Located[] {
  if (value === undefined || value.kind === 'map') return [];
  if (value.kind === 'seq') return value.items;
  return value.value === null ? [] : [value];
}
