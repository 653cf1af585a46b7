/** A plain scalar as PyYAML's SafeLoader reads it; LiteLLM reads the same file with that. */
export type YamlScalar = string | number | boolean | null | Date;

// The patterns are PyYAML 6's resolver.py. They are narrower than YAML 1.1 itself: `y` and `n` are text, so are
// `1e3` and `09`.
const patterns = {
  bool: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  float:
    /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  int: /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
  null: /^(?:~|null|Null|NULL|)$/,
  timestamp:
    /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/,
};

type Kind = keyof typeof patterns;

/** What a plain (unquoted) scalar means. Throws a `RangeError` for a date that does not exist. */
export function resolvePlain(source: string): YamlScalar {
  for (const kind of ['bool', 'float', 'int', 'null', 'timestamp'] as const) {
    if (patterns[kind].test(source)) return construct(kind, source);
  }
  // PyYAML knows these as types of YAML 1.1 and cannot make a value of them, so it refuses the file.
  if (source === '=' || source === '<<') throw new RangeError(`a lone ${source} cannot be read; quote it`);
  return source;
}

/** What a scalar with an explicit tag such as `!!int` means; undefined for tags that mean nothing here. */
export function resolveTagged(tag: string, source: string): YamlScalar | undefined {
  const kind = tag.replace('tag:yaml.org,2002:', '');
  if (kind === 'str') return source;
  if (!Object.hasOwn(patterns, kind)) return undefined;
  if (kind === 'float' && patterns.int.test(source)) return construct('int', source);
  if (!patterns[kind as Kind].test(source)) throw new RangeError(`is tagged !!${kind} and is none`);
  return construct(kind as Kind, source);
}

function construct(kind: Kind, source: string): YamlScalar {
  switch (kind) {
    case 'bool':
      return /^(?:yes|true|on)$/i.test(source);
    case 'null':
      return null;
    case 'timestamp':
      return toDate(source);
    case 'int':
    case 'float':
      return toNumber(source.replace(/_/g, '').toLowerCase(), kind);
  }
}

function toNumber(text: string, kind: 'int' | 'float'): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '');
  return sign * unsigned(digits, kind);
}

function unsigned(digits: string, kind: 'int' | 'float'): number {
  if (digits === '.inf') return Infinity;
  if (digits === '.nan') return NaN;
  if (digits.includes(':')) return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  if (kind === 'int' && /^0[bx]/.test(digits)) return Number(digits);
  if (kind === 'int' && digits.length > 1 && digits.startsWith('0')) return parseInt(digits, 8);
  return Number(digits);
}

const dateParts =
  /^(?<year>\d{4})-(?<month>\d\d?)-(?<day>\d\d?)(?:(?:[Tt]|[ \t]+)(?<hour>\d\d?):(?<minute>\d\d):(?<second>\d\d(?:\.\d*)?)(?:[ \t]*(?:Z|(?<sign>[-+])(?<zoneHour>\d\d?)(?::(?<zoneMinute>\d\d))?))?)?$/;

function toDate(source: string): Date {
  const parts = dateParts.exec(source)?.groups ?? {};
  const part = (name: string): number => Number(parts[name] ?? 0);
  const day = new Date(Date.UTC(part('year'), part('month') - 1, part('day')));
  // Date.UTC carries 31 February over into March; PyYAML refuses it.
  const exists = day.getUTCMonth() === part('month') - 1 && day.getUTCDate() === part('day');
  if (!exists || part('hour') > 23 || part('minute') > 59 || part('second') >= 60) {
    throw new RangeError('is a date that does not exist; quote it');
  }
  const seconds = part('hour') * 3600 + part('minute') * 60 + part('second');
  const zone = (parts['sign'] === '-' ? -1 : 1) * (part('zoneHour') * 3600 + part('zoneMinute') * 60);
  return new Date(day.getTime() + Math.round((seconds - zone) * 1000));
}
