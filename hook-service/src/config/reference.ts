/** docs/config-reference.md: every key and variable, as the schemas describe them. */
import { stringify } from 'yaml';
import { annotatedConfig, annotatedEnvironment, type SchemaNode } from './json-schema';

/** One key of the file. */
export interface ReferenceRow {
  /** As it is written from the top of the file; `<name>` stands for a name of one's own. */
  readonly path: string;
  readonly node: SchemaNode;
  /** The map that it stands in cannot do without it. */
  readonly required: boolean;
}

/** The whole page. */
export function renderReference(): string {
  const rows = referenceRows();
  return [
    '# Config reference',
    '',
    'Every key that Toolturn reads of LiteLLM’s `config.yaml`, and every variable of hook-service. `npm run docs` writes this page and',
    '[config.schema.json](config.schema.json) from the schemas that the file is checked with. [configuration.md](configuration.md) says how the file is read.',
    '',
    'For completion and checks in an editor with the YAML language server, put this line at the top of `config.yaml`:',
    '',
    '```yaml',
    '# yaml-language-server: $schema=/path/to/toolturn/docs/config.schema.json',
    '```',
    '',
    'The schema lets LiteLLM’s other keys through. `os.environ/NAME` may stand for any value but `true` and `false`. “s” are seconds; `30s`, `15m`, `1h`, `7d`',
    'are times with their unit.',
    '',
    ...sectionsOf(rows).flatMap(([title, own]) => [`## ${title}`, '', ...table(own), '']),
    '## Environment of hook-service',
    '',
    'An empty variable counts as one that is not set.',
    '',
    '| variable | default | values | meaning |',
    '| --- | --- | --- | --- |',
    ...Object.entries(annotatedEnvironment()).map(([name, node]) => {
      const preset = name === 'TOOLTURN_SECRET' ? 'required' : presetOf(node);
      return line([`\`${name}\``, preset, valuesOf(node), node.description ?? '']);
    }),
    '',
  ].join('\n');
}

/** Every key, in the order of the schema; maps come before what is in them. */
export function referenceRows(): readonly ReferenceRow[] {
  return Object.entries(annotatedConfig().properties ?? {}).flatMap(([key, node]) => walk(key, node, false));
}

function walk(path: string, node: SchemaNode, required: boolean): ReferenceRow[] {
  const inner = Object.entries(node.properties ?? {}).flatMap(([key, value]) =>
    walk(`${path}.${key}`, value, node.required?.includes(key) === true),
  );
  const [each, where] =
    typeof node.additionalProperties === 'object' && node.additionalProperties.properties
      ? [node.additionalProperties, `${path}.<${path.endsWith('tools') ? 'tool' : 'name'}>`]
      : node.items?.properties
        ? [node.items, `${path}[]`]
        : [];
  const rows = each === undefined ? [] : walk(where ?? path, each, false);
  return [{ path, node, required }, ...inner, ...rows];
}

/** Tables by the map that the keys stand in. A map that has a table of its own is not a row of another one as well. */
function sectionsOf(rows: readonly ReferenceRow[]): [string, ReferenceRow[]][] {
  const sections = new Map<string, ReferenceRow[]>();
  for (const row of rows) {
    const parent = row.path.slice(0, Math.max(row.path.lastIndexOf('.'), 0));
    if (/<\w+>$|\[\]$/.test(row.path) || (isLitellms(row.path) && row.node.properties !== undefined))
      continue;
    const title = parent === '' ? 'Sections' : `\`${parent}\``;
    sections.set(title, [...(sections.get(title) ?? []), row]);
  }
  return [...sections];
}

const isLitellms = (path: string): boolean => path === 'litellm_settings' || path === 'general_settings';

function table(rows: readonly ReferenceRow[]): string[] {
  return [
    '| key | default | values | meaning | example |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(({ path, node, required }) => {
      const key = path.slice(path.lastIndexOf('.') + 1);
      return line([
        `\`${key}\``,
        required ? 'required' : presetOf(node),
        valuesOf(node),
        node.description ?? '',
        exampleOf(key, node),
      ]);
    }),
  ];
}

function presetOf(node: SchemaNode): string {
  const { default: preset, unit } = node;
  if (preset === undefined) return '';
  if (typeof preset === 'object') return 'none';
  return `\`${JSON.stringify(preset).replaceAll('"', '')}\`${unit === 'seconds' ? ' s' : ''}`;
}

/** What may stand there: a list of words, a range with what is counted, or the kind of value. */
function valuesOf(node: SchemaNode): string {
  const { type, minimum, maximum, range, counts, enum: words, items } = node;
  const forms = node['anyOf'];
  if (Array.isArray(forms)) return forms.map((form) => valuesOf(form as SchemaNode)).join(', or a ');
  if (words !== undefined) return words.map((word) => `\`${String(word)}\``).join(', ');
  if (range !== undefined) return `time ${range}`;
  const types = Array.isArray(type) ? (type as readonly string[]) : [type];
  if (minimum !== undefined && maximum !== undefined) {
    const kind = node.unit === 'seconds' ? 'seconds' : (counts ?? 'whole number');
    return `${kind}, ${minimum} to ${maximum}`;
  }
  if (types.includes('boolean')) return '`true`, `false`';
  if (types.includes('array')) return items?.properties === undefined ? 'list of texts' : 'list of maps';
  if (types.includes('object')) return node.short === undefined ? 'map' : `${shortOf(node.short)}, or a map`;
  if (node['format'] === 'regex') return 'regular expression';
  return node.environment === true ? '`os.environ/NAME`' : 'text';
}

function shortOf(short: SchemaNode): string {
  const words = (short.enum ?? []).filter((word) => typeof word === 'string');
  return words.length === 0 ? 'text' : words.map((word) => `\`${word}\``).join(', ');
}

function exampleOf(key: string, node: SchemaNode): string {
  const value = node.example ?? (typeof node.default === 'object' ? undefined : node.default);
  if (value === undefined) return '';
  return `\`${stringify({ [key]: value }, { collectionStyle: 'flow', lineWidth: 0 })
    .trim()
    .replace(/^\{ (.*) \}$/, '$1')}\``;
}

const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
