import { readLenient } from './argument-repair';
import { isJsonObject, type Json } from './json';

/** A value of another type with the same meaning. */
export interface Conversion {
  readonly result: Json;
}

/** A number as JSON writes it. No leading zeros: `007` is a code and no number. */
const numeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * The values of the wanted JSON types that a value can only mean, likeliest first. A conversion loses nothing:
 * `"5"` is 5, `"true"` is true, 5 is `"5"`, `"[1]"` is [1], and 1 is [1] where a list is wanted.
 */
export function convert(value: Json, types: readonly string[]): Conversion[] {
  return [...new Set(types)].flatMap((type) => toType(value, type));
}

function toType(value: Json, type: string): Conversion[] {
  switch (type) {
    case 'integer':
      return numberIn(value).filter(({ result }) => Number.isSafeInteger(result));
    case 'number':
      return numberIn(value);
    case 'boolean':
      return booleanIn(value);
    case 'string':
      return typeof value === 'boolean' || isExact(value) ? [{ result: JSON.stringify(value) }] : [];
    case 'null':
      return value === 'null' ? [{ result: null }] : [];
    case 'object':
      return readIn(value).filter(({ result }) => isJsonObject(result));
    case 'array':
      return listIn(value);
    default:
      return [];
  }
}

function numberIn(value: Json): Conversion[] {
  if (typeof value !== 'string' || !numeral.test(value.trim())) return [];
  const number = Number(value);
  // What does not come back the same has lost digits: an id of 20 digits is not a number.
  const whole = /^-?\d+$/.test(value.trim());
  return Number.isFinite(number) && (!whole || Number.isSafeInteger(number)) ? [{ result: number }] : [];
}

function booleanIn(value: Json): Conversion[] {
  // Python writes True and False.
  const known = new Map<Json, boolean>([
    ['true', true],
    ['True', true],
    ['false', false],
    ['False', false],
  ]);
  const result = known.get(typeof value === 'string' ? value.trim() : value);
  return result === undefined ? [] : [{ result }];
}

function isExact(value: Json): boolean {
  return typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value));
}

/** What a text holds as JSON. */
function readIn(value: Json): Conversion[] {
  if (typeof value !== 'string' || value.trim() === '') return [];
  const result = readLenient(value);
  return result === undefined || result === value ? [] : [{ result }];
}

function listIn(value: Json): Conversion[] {
  if (value === null || Array.isArray(value)) return [];
  const written = readIn(value).filter(({ result }) => Array.isArray(result));
  return written.length > 0 ? written : [{ result: [value] }];
}
