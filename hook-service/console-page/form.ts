/** The form that is made of a tool's schema, and the arguments that are made of what stands in the form. */

export interface Field {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'json';
  readonly required: boolean;
  readonly description: string;
  /** Of `choice`: as JSON, so that 1 and "1" stay apart. */
  readonly options: readonly string[];
  /** What stands in the field at first. */
  readonly initial: string;
  /** Of `number`: whole numbers only. */
  readonly whole: boolean;
}

export type Values = ReadonlyMap<string, string>;

export interface FieldProblem {
  readonly name: string;
  readonly message: string;
}

export type Arguments =
  | { readonly ok: true; readonly arguments: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** A schema is a server's: it may hold anything, and any number of it. */
const mostFields = 200;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One field for each property; what has no simple form is written as JSON. */
export function fieldsOf(schema: unknown): readonly Field[] {
  if (!isObject(schema) || !isObject(schema['properties'])) return [];
  const { properties, required } = schema;
  const wanted = new Set(Array.isArray(required) ? required : []);
  return Object.entries(properties as object)
    .slice(0, mostFields)
    .map(([name, property]) => fieldOf(name, isObject(property) ? property : {}, wanted.has(name)));
}

function fieldOf(name: string, written: Record<string, unknown>, required: boolean): Field {
  const property = withoutNull(written);
  const { description } = { ...property, ...written };
  const start = written['default'] ?? property['default'];
  const options = Array.isArray(property['enum']) ? property['enum'].map((each) => JSON.stringify(each)) : [];
  const kind = options.length > 0 ? 'choice' : kindOf(property);
  return {
    name,
    kind,
    required,
    description: typeof description === 'string' ? description : '',
    options,
    initial: start === undefined || start === null ? '' : shownDefault(kind, start),
    whole: property['type'] === 'integer',
  };
}

/** The one way that is not null, of a type that may be null. */
function withoutNull(property: Record<string, unknown>): Record<string, unknown> {
  const { type } = property;
  if (Array.isArray(type)) {
    const types = type.filter((each) => each !== 'null');
    return types.length === 1 ? { ...property, type: types[0] } : property;
  }
  const ways = property['anyOf'] ?? property['oneOf'];
  if (!Array.isArray(ways)) return property;
  const others = ways.filter(isObject).filter((way) => way['type'] !== 'null');
  return others.length === 1 ? { ...property, ...others[0] } : property;
}

function kindOf({ type, items }: Record<string, unknown>): Field['kind'] {
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'boolean') return 'boolean';
  if (type === 'array' && isObject(items) && items['type'] === 'string' && !Array.isArray(items['enum']))
    return 'list';
  return 'json';
}

function shownDefault(kind: Field['kind'], value: unknown): string {
  if (kind === 'text' && typeof value === 'string') return value;
  if (kind === 'list' && Array.isArray(value)) return value.join('\n');
  return JSON.stringify(value);
}

/** The arguments that the form holds. An empty field that is not required is left out. */
export function argumentsOf(fields: readonly Field[], values: Values): Arguments {
  const problems: FieldProblem[] = [];
  const given = fields.flatMap((field): (readonly [string, unknown])[] => {
    const text = values.get(field.name) ?? field.initial;
    // An empty text is a text, where somebody emptied the field.
    const isEmptied = field.required && field.kind === 'text' && values.has(field.name);
    if (text === '' && !isEmptied) {
      if (field.required) problems.push({ name: field.name, message: 'is needed' });
      return [];
    }
    try {
      return [[field.name, valueOf(field, text)]];
    } catch (error) {
      problems.push({
        name: field.name,
        message: error instanceof RangeError ? error.message : 'is not valid JSON',
      });
      return [];
    }
  });
  // Own properties whatever they are called, `__proto__` included.
  return problems.length > 0 ? { ok: false, problems } : { ok: true, arguments: Object.fromEntries(given) };
}

function valueOf({ kind, whole }: Field, text: string): unknown {
  if (kind === 'text') return text;
  if (kind === 'list') return text.split('\n').filter((line) => line !== '');
  if (kind !== 'number') return JSON.parse(text) as unknown;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError('must be a number');
  if (whole && !Number.isInteger(value)) throw new RangeError('must be a whole number');
  return value;
}
