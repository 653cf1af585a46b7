import { isSecretName, maskLine } from './secrets';
import type { YamlScalar } from '../config/yaml-scalars';
import type { Located } from '../config/yaml-walker';
import type { DoctorContext } from './context';

/** A line of a config as it may be shown. */
export interface ShownLine {
  readonly depth: number;
  readonly text: string;
  /** True where something was taken out. */
  readonly masked: boolean;
  readonly line: number;
}

const hidden = '•••';
/** Maps and lists of which every value may be a credential. */
const secretMaps = new Set([
  'headers',
  'static_headers',
  'env',
  'environment_variables',
  'arguments',
  'api_keys',
  'credentials',
  'vertex_credentials',
  'authentication',
  'cache_params',
]);
const secretNames =
  /^(?:auth_value|authentication_token|dsn|database_url|connection_string|webhook_url|cookie|salt)$/i;
const reference = /^os\.environ\/[A-Za-z_]\w*$/;
const longest = 400;

/**
 * The config files as they stand, line by line, with every value taken out that is or could be a credential: what
 * stands under such a name, what is known as one (`secrets`), and what looks like one. References to the environment
 * and switches stay, so that a person sees where a value comes from. Comments are left out: people put keys there.
 */
export function shownConfig(
  context: Pick<DoctorContext, 'config'>,
  secrets: readonly string[],
): readonly { readonly file: string; readonly lines: readonly ShownLine[] }[] {
  const known = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return context.config.map(({ file, top }) => {
    const lines: ShownLine[] = [];
    for (const [key, { at, value }] of top)
      write(
        lines,
        { depth: 0, before: keyText(key, known), key, line: at.line, isSecret: false, known },
        value,
      );
    return { file, lines };
  });
}

interface Place {
  readonly depth: number;
  /** What stands before the value: a key or a dash. */
  readonly before: Shown;
  readonly key: string;
  readonly line: number;
  /** True below a name of which every value is taken out. */
  readonly isSecret: boolean;
  readonly known: readonly string[];
  /** The item before it in a list: `--token`, of which this is the value. */
  readonly previous?: string;
}

interface Shown {
  readonly text: string;
  readonly masked: boolean;
}

function write(lines: ShownLine[], place: Place, value: Located): void {
  const { depth, before, key, known, line } = place;
  const isSecret =
    place.isSecret || secretMaps.has(key.toLowerCase()) || (value.kind !== 'scalar' && isSecretKey(key));
  if (value.kind === 'scalar') {
    const shown = scalarText(value.value, place);
    lines.push({
      depth,
      line,
      text: `${before.text} ${shown.text}`.trimEnd(),
      masked: before.masked || shown.masked,
    });
    return;
  }
  lines.push({ depth, line, ...before });
  if (value.kind === 'map') {
    for (const [name, entry] of value.entries)
      write(
        lines,
        { depth: depth + 1, before: keyText(name, known), key: name, line: entry.at.line, isSecret, known },
        entry.value,
      );
    return;
  }
  value.items.forEach((item, index) => {
    const last = index === 0 ? undefined : value.items[index - 1];
    const previous =
      last?.kind === 'scalar' && typeof last.value === 'string' ? { previous: last.value } : {};
    const before = { text: '-', masked: false };
    const from = lines.length;
    write(
      lines,
      { depth: depth + 1, before, key: '', line: item.at.line, isSecret, known, ...previous },
      item,
    );
    // A map in a list begins on the line of its dash.
    const [dash, first] = lines.slice(from, from + 2);
    if (item.kind === 'map' && dash !== undefined && first !== undefined)
      lines.splice(from, 2, { ...first, depth: dash.depth, text: `- ${first.text}` });
  });
}

function isSecretKey(key: string): boolean {
  return isSecretName(key) || secretNames.test(key);
}

function keyText(key: string, known: readonly string[]): Shown {
  const text = `${cleaned(key, known).text}:`;
  return { text, masked: text !== `${key}:` };
}

function scalarText(value: YamlScalar, { key, isSecret, known, previous }: Place): Shown {
  if (value === null || typeof value === 'boolean') return { text: String(value), masked: false };
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (typeof value === 'string' && reference.test(text)) return { text, masked: false };
  const follows =
    previous !== undefined &&
    /^--?[\w-]+$/.test(previous) &&
    isSecretKey(previous.replace(/^-+/, '').replaceAll('-', '_'));
  // A price is named after tokens too.
  const isPrice = typeof value === 'number' && /_per_/.test(key);
  if (isSecret || (isSecretKey(key) && !isPrice) || follows)
    return text === '' ? { text: '""', masked: false } : { text: hidden, masked: true };
  if (typeof value !== 'string') return { text, masked: false };
  const shown = cleaned(text, known);
  const quoted = /^[\w./@:*+ ()…•,=<>%?-]+$/.test(shown.text) ? shown.text : JSON.stringify(shown.text);
  return { text: quoted.length > longest ? `${quoted.slice(0, longest)}…` : quoted, masked: shown.masked };
}

/** A text without credentials: known values, what `maskLine` knows, queries and keys in addresses, and what looks random. */
function cleaned(text: string, known: readonly string[]): Shown {
  let clean = maskLine(text, known).replaceAll('***', hidden);
  clean = clean
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${hidden}@`)
    .replace(/(:\/\/[^\s?#"']+)[?#][^\s"']*/g, `$1?${hidden}`)
    .replace(/(:\/\/[^\s/?"']+)(\/[^\s?"']*)/g, (_, host: string, path: string) => host + shownPath(path))
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${hidden}`)
    .replace(/(--?[\w-]*(?:token|secret|password|passwd|key)[\w-]*[= ])\S+/gi, `$1${hidden}`)
    .replace(/-----BEGIN [\s\S]*/g, hidden)
    .replace(/[A-Za-z0-9_+=-]{16,}/g, (word) => (looksRandom(word) ? hidden : word));
  return { text: clean, masked: clean !== text };
}

/** Some services put a key into the path of their address, so only what is a word there stays. */
function shownPath(path: string): string {
  const isWord = (part: string) => /^(?:[a-z][a-z_.-]{0,31}\d{0,2}|•••)?$/i.test(part);
  return path
    .split('/')
    .map((part) => (isWord(part) ? part : hidden))
    .join('/');
}

/** Letters and digits mixed as nobody writes names: `claude-sonnet-4-20250514` is one, `f3a9c1d07be24e55` is not. */
function looksRandom(word: string): boolean {
  return word.split(/[-_+=]/).some((part) => {
    const turns = part.match(/[a-z](?=\d)|\d(?=[a-z])/gi)?.length ?? 0;
    const mixedCase = /[a-z]/.test(part) && (part.match(/[a-z](?=[A-Z])|[A-Z](?=[a-z])/g)?.length ?? 0) > 6;
    return (
      part.length >= 12 &&
      (turns >= 3 || (mixedCase && part.length >= 20) || (turns >= 2 && part.length >= 16))
    );
  });
}
