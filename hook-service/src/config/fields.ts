import { z } from 'zod';

/** How long a field counts in the file, where the program counts otherwise (see `json-schema.ts`). */
export type Unit = 'seconds' | 'duration';

/**
 * A field whose every mistake has one message, and whose value `read` turns into what the program uses. `shape` says in
 * words of JSON Schema what stands in the file.
 */
function field<T>(
  message: string,
  shape: { readonly unit?: Unit; readonly [key: string]: unknown },
  read: (value: unknown) => T | undefined,
): z.ZodType<T> {
  const transform = z.unknown().transform((value, context) => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
  return transform.meta(shape);
}

/** A number, or text that is one: what comes from the environment is text. */
const numeric = '^\\s*\\d+(\\.\\d+)?\\s*$';

/** Environment variables are text, so a number may also be given as text. */
function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) : NaN;
}

/** A whole number of things. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const shape = { type: ['integer', 'string'], minimum: min, maximum: max, pattern: numeric };
  return field(`must be a whole number from ${min} to ${max}`, shape, (value) => {
    const number = toNumber(value);
    return Number.isInteger(number) && number >= min && number <= max ? number : undefined;
  });
}

/** Dollars; cents and parts of them too. */
export function dollars(min: number, max: number): z.ZodType<number> {
  const shape = {
    type: ['number', 'string'],
    minimum: min,
    maximum: max,
    pattern: numeric,
    counts: 'dollars',
  };
  return field(`must be a number of dollars from ${min} to ${max}`, shape, (value) => {
    const number = toNumber(value);
    return number >= min && number <= max ? number : undefined;
  });
}

/** A regular expression of JavaScript. */
export const pattern: z.ZodType<RegExp> = field(
  'must be a regular expression such as "^Error: "',
  { type: 'string', minLength: 1, format: 'regex' },
  (value) => {
    if (typeof value !== 'string' || value === '') return undefined;
    try {
      return new RegExp(value, 'u');
    } catch {
      return undefined;
    }
  },
);

/** Seconds in the file, milliseconds in the program. */
export function seconds(min: number, max: number): z.ZodType<number> {
  const shape = {
    type: ['number', 'string'],
    minimum: min,
    maximum: max,
    pattern: numeric,
    unit: 'seconds',
  } as const;
  return field(`must be a number of seconds from ${min} to ${max}`, shape, (value) => {
    const number = toNumber(value);
    return number >= min && number <= max ? Math.round(number * 1000) : undefined;
  });
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `30s`, `15m`, `1h` or `7d`; seconds in the program. */
export function duration(minSeconds: number, maxSeconds: number): z.ZodType<number> {
  const range = `from ${formatDuration(minSeconds)} to ${formatDuration(maxSeconds)}`;
  const shape = { type: 'string', pattern: '^\\d{1,9}[smhd]$', unit: 'duration', range } as const;
  return field(`must be a time with its unit such as 30s, 15m, 1h or 7d, ${range}`, shape, (value) => {
    const [, amount, unit = ''] = (typeof value === 'string' && /^(\d{1,9})([smhd])$/.exec(value)) || [];
    const total = Number(amount) * (unitSeconds[unit] ?? NaN);
    return total >= minSeconds && total <= maxSeconds ? total : undefined;
  });
}

/** The shortest way to write this many seconds: `1h`, `7d`, `90s`. */
export function formatDuration(total: number): string {
  if (total === 0) return '0s';
  const [unit, length] = Object.entries(unitSeconds)
    .reverse()
    .find(([, size]) => total % size === 0) ?? ['s', 1];
  return `${total / length}${unit}`;
}

/** Text; YAML turns an unquoted number, `yes` or date into something else, which LiteLLM refuses. */
export const text = z.string({ error: 'must be text; put the value in quotes' });

export const filledText = text.min(1, { error: 'must not be empty' });

export const texts = z.array(filledText, { error: 'must be a list of texts' });

/** A map of text to text, such as `env:` and `headers:`. */
export const textMap = z.record(z.string(), text, { error: 'must be a map of names to texts' });
