/** Adds an MCP server to the text of a config. Comments, order and everything else stay. */
import { isDeepStrictEqual } from 'node:util';
import { isAlias, isMap, isScalar, stringify, type Node } from 'yaml';
import { StartError } from './errors';
import {
  endsInBlockText,
  lastOffset,
  readConfigText,
  section,
  valueOf,
  type ConfigText,
} from './install-yaml';
import { isRecord } from './json';
import {
  apply,
  column,
  flowEdit,
  lineBreak,
  lineEdit,
  lineStart,
  rangeOf,
  sectionEdits,
  type Edit,
} from './yaml-edit';

const key = 'mcp_servers';

/** The config with `mcp_servers.<name>`. Throws `StartError` where the name is there, or no place is found. */
export function addServerEntry(
  text: string,
  file: string,
  name: string,
  entry: Readonly<Record<string, unknown>>,
): string {
  const config = readConfigText(text, file);
  const there = valueOf(text);
  const before = isRecord(there) ? there : {};
  const servers = isRecord(before[key]) ? before[key] : {};
  const same = Object.entries(servers).find(([known, value]) => {
    const names = [known, isRecord(value) ? value.alias : undefined];
    return names.includes(name) || (entry.alias !== undefined && names.includes(entry.alias));
  });
  if (same !== undefined)
    throw new StartError(`${file}: ${key} has ${same[0]} already, with that name or alias: choose another.`);
  const expected = { ...before, [key]: { ...servers, [name]: entry } };
  for (const edits of additions(config, name, entry)) {
    const result = [...edits].sort((a, b) => b.from - a.from).reduce(apply, text);
    if (isDeepStrictEqual(valueOf(result), expected)) return result;
  }
  throw new StartError(
    `${file}: no place was found where the entry can be added without changing anything else. Add it by hand under ${key}.`,
  );
}

/** The lines of an entry. */
function entryLines(name: string, entry: Readonly<Record<string, unknown>>, indent: number): string[] {
  return stringify({ [name]: entry }, { lineWidth: 0 })
    .trimEnd()
    .split('\n')
    .map((line) => ' '.repeat(indent) + line);
}

/** Edits to try, the best place first. */
function additions(config: ConfigText, name: string, entry: Readonly<Record<string, unknown>>): Edit[][] {
  const { text, root } = config;
  const pair = section(config, key);
  const flow = `${JSON.stringify(name)}: ${JSON.stringify(entry)}`;
  if (pair === undefined) {
    if (root.flow === true) return [[flowEdit(text, root, `"${key}": {${flow}}`)]];
    return sectionEdits(config, key, (indent) => entryLines(name, entry, indent)).map((edit) => [edit]);
  }
  const { value } = pair;
  if (isAlias(value))
    throw new StartError(
      `${config.at(value.range?.[0] ?? 0)}: ${key} is an alias: write it out, then try again.`,
    );
  const indent = column(text, pair.key.range?.[0] ?? 0) + 2;
  const empty =
    (isMap(value) && value.items.length === 0) ||
    (isScalar(value) && /^(|~|null)$/i.test(String(value.value)));
  if (value === null || empty) {
    if (root.flow === true) return value === null ? [] : [[{ ...rangeOf(value), text: `{${flow}}` }]];
    const keyEnd = pair.key.range?.[1] ?? 0;
    const lines = lineEdit(text, keyEnd, entryLines(name, entry, indent));
    if (value === null || rangeOf(value).from === rangeOf(value).to) return [[lines]];
    const { from, to } = rangeOf(value);
    return [
      [{ from: text.slice(keyEnd, from).trim() === ':' ? keyEnd + 1 : from, to, text: '' }, lines],
      [{ from, to, text: `{${flow}}` }],
    ];
  }
  if (!isMap(value))
    throw new StartError(
      `${config.at(value.range?.[0] ?? 0)}: ${key} must be a map of servers: correct it, then try again.`,
    );
  if (value.flow === true) return [[flowEdit(text, value, flow)]];
  const first = (value.items[0]?.key as Node | undefined)?.range?.[0] ?? 0;
  const lines = entryLines(name, entry, column(text, first));
  const start = lineStart(text, first);
  const top: Edit = { from: start, to: start, text: lines.map((line) => line + lineBreak(text)).join('') };
  if (endsInBlockText(value)) return [[top]];
  return [[lineEdit(text, lastOffset(value, first), lines)], [top]];
}
