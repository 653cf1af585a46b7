import type { z } from 'zod';
import { maskKey, pathText, type Path, type Problems } from './problems';
import { didYouMean } from './suggest';
import type { Plain, Values } from './values';

/** What turning plain values into config needs to know and to tell. */
export interface Context {
  readonly values: Values;
  readonly problems: Problems;
}

/**
 * Parses with a zod schema; what is wrong is reported with its place, and undefined comes back. With `knownKeys`
 * the section is ours and holds no secrets, so the wrong value is quoted.
 */
export function check<T>(
  schema: z.ZodType<T>,
  value: Plain,
  base: Path,
  { values, problems }: Context,
  knownKeys?: Readonly<Record<string, readonly string[]>>,
): T | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const path = values.existing([...base, ...issue.path.map(toPart)]);
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys?.[pathText(path)] ?? [];
      for (const key of issue.keys) {
        const message = `is no setting of Toolturn${didYouMean(key, known)}; known here: ${known.join(', ')}`;
        problems.error([...path, key], values.markOf([...path, key]), message);
      }
    } else if (!problems.hasError(path)) {
      const got = knownKeys === undefined ? '' : gotText(at(value, path.slice(base.length)));
      const variable = values.variableOf(path);
      const source = variable === undefined ? got : `; the value comes from the variable ${variable}`;
      problems.error(path, values.markOf(path), issue.message + source);
    }
  }
  return undefined;
}

function toPart(part: PropertyKey): string | number {
  return typeof part === 'number' ? part : String(part);
}

function at(value: Plain, path: Path): unknown {
  return path.reduce<unknown>((inner, part) => (inner as Record<string | number, unknown>)[part], value);
}

function gotText(value: unknown): string {
  if (typeof value === 'string') return `, got ${JSON.stringify(maskKey(value).slice(0, 40))}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `, got ${value}`;
  if (Array.isArray(value)) return ', got a list';
  if (value instanceof Date) return ', got a date';
  return value === undefined || value === null ? '' : ', got a map';
}
