import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Mark, Path, Problems } from './problems';
import { resolvePlain, resolveTagged, type YamlScalar } from './yaml-scalars';

/** A YAML value with the place where it stands. */
export type Located =
  | { readonly kind: 'scalar'; readonly at: Mark; readonly value: YamlScalar }
  | { readonly kind: 'seq'; readonly at: Mark; readonly items: readonly Located[] }
  | { readonly kind: 'map'; readonly at: Mark; readonly entries: ReadonlyMap<string, Entry> };

export interface Entry {
  /** Where the key stands. */
  readonly at: Mark;
  readonly value: Located;
}

/** More than any real file has; stops a few lines of nested aliases from becoming gigabytes. */
const mostNodes = 100_000;
const deepest = 100;

type Pairs = Map<string, { readonly at: Mark; readonly node: Node | null }>;

/** Turns the parser's nodes into located values: aliases followed, maps merged, scalars read as PyYAML does. */
export class YamlWalker {
  readonly #targets = new Map<Alias, Node>();
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(
    document: Document,
    private readonly markAt: (offset: number) => Mark,
    private readonly problems: Problems,
  ) {
    const anchors = new Map<string, Node>();
    visit(document, {
      Alias: (_key, alias) => {
        const target = anchors.get(alias.source);
        if (target) this.#targets.set(alias, target);
        else problems.error([], this.#mark(alias), `*${alias.source} names no anchor that stands before it`);
      },
      Value: (_key, node) => {
        if (!node.anchor) return;
        if (anchors.has(node.anchor)) {
          problems.error([], this.#mark(node), `&${node.anchor} stands twice, which LiteLLM refuses`);
        }
        anchors.set(node.anchor, node);
      },
    });
  }

  /** True for an empty file, or one of comments alone. */
  isNothing(root: Node | null): root is null {
    return root === null || (isScalar(root) && this.#scalar(root, []) === null);
  }

  /** The node that an alias stands for; every other node stands for itself. */
  target(node: Node | null): Node | null {
    return isAlias(node) ? (this.#targets.get(node) ?? null) : node;
  }

  /** A node with all it holds. `fallback` is its place where it has none of its own. */
  value(node: Node | null, path: Path, fallback: Mark): Located {
    const nothing: Located = { kind: 'scalar', at: fallback, value: null };
    if (node === null) return nothing;
    const at = node.range ? this.#mark(node) : fallback;
    if (this.#isEndless(node, path, at)) return nothing;
    if (isAlias(node)) return this.value(this.target(node), path, at);
    if (isScalar(node)) return { kind: 'scalar', at, value: this.#scalar(node, path) };
    this.#open.add(node);
    try {
      if (isSeq<Node>(node)) {
        const items = node.items.map((item, index) => this.value(item, [...path, index], at));
        return { kind: 'seq', at, items };
      }
      if (!isMap(node)) return nothing;
      const entries = new Map<string, Entry>();
      for (const [name, found] of this.pairs(node, path)) {
        entries.set(name, { at: found.at, value: this.value(found.node, [...path, name], found.at) });
      }
      return { kind: 'map', at, entries };
    } finally {
      this.#open.delete(node);
    }
  }

  /** The pairs of a map: merged ones first, then its own, a later one in the place of an earlier one. */
  pairs(map: YAMLMap, path: Path): Pairs {
    const own: Pairs = new Map();
    const merged: Pairs = new Map();
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(pair.key)) {
        for (const [name, found] of this.#merged(pair.value, path)) merged.set(name, found);
        continue;
      }
      const key = this.#key(pair.key, path, this.#mark(map));
      const before = own.get(key.name);
      if (before) {
        const message = `stands twice, in line ${before.at.line} and in line ${key.at.line}; LiteLLM and Toolturn use the last one only, so merge the two`;
        this.problems.warn([...path, key.name], key.at, message);
      }
      own.set(key.name, { at: key.at, node: pair.value });
    }
    return new Map([...merged, ...own]);
  }

  #scalar(node: Scalar, path: Path): YamlScalar {
    const source = typeof node.value === 'string' ? node.value : (node.source ?? '');
    try {
      if (node.tag !== undefined && node.tag !== '!') {
        const tagged = resolveTagged(node.tag, source);
        if (tagged !== undefined) return tagged;
        throw new RangeError(`has the tag ${node.tag}, which cannot be read here`);
      }
      const isPlain = node.type === undefined || node.type === Scalar.PLAIN;
      return isPlain ? resolvePlain(source) : source;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problems.error(path, this.#mark(node), error.message);
      return null;
    }
  }

  #key(node: Node | null, path: Path, fallback: Mark): { name: string; at: Mark } {
    const at = node?.range ? this.#mark(node) : fallback;
    const key = this.value(node, path, at);
    if (key.kind !== 'scalar') {
      this.problems.error(path, at, 'has a list or map where a name is expected');
      return { name: '', at };
    }
    const { value } = key;
    if (typeof value === 'string') return { name: value, at };
    const name = value instanceof Date ? value.toISOString() : String(value);
    if (typeof value !== 'number') {
      const written = isScalar(node) ? (node.source ?? '') : '';
      const message = `YAML reads the name ${written || '(nothing)'} as ${name}; quote it`;
      this.problems.warn([...path, name], at, message);
    }
    return { name, at };
  }

  #merged(value: Node | null, path: Path): Pairs {
    const source = this.target(value);
    if (source === null || this.#isEndless(source, path, this.#mark(source))) return new Map();
    this.#open.add(source);
    try {
      if (isMap(source)) return this.pairs(source, path);
      if (isSeq<Node>(source)) {
        // The first map of the list wins, so it is put in last.
        return new Map([...source.items].reverse().flatMap((item) => [...this.#merged(item, path)]));
      }
    } finally {
      this.#open.delete(source);
    }
    this.problems.error(path, this.#mark(source), '<<: must be followed by a map or a list of maps');
    return new Map();
  }

  /** True, and reported once, for an alias that holds itself, aliases that multiply, and a bottomless pit. */
  #isEndless(node: Node, path: Path, at: Mark): boolean {
    if (this.#nodes > mostNodes) return true;
    this.#nodes += 1;
    if (this.#nodes <= mostNodes && path.length <= deepest && !this.#open.has(node)) return false;
    this.#nodes = mostNodes + 1;
    const reason =
      path.length > deepest ? 'is nested too deeply' : 'repeats itself through aliases without end';
    this.problems.error(path, at, reason);
    return true;
  }

  #mark(node: Node): Mark {
    return this.markAt(node.range?.[0] ?? 0);
  }
}

function isMergeKey(key: Node | null): boolean {
  return (
    isScalar(key) && key.value === '<<' && (key.type === undefined || key.type === Scalar.PLAIN) && !key.tag
  );
}
