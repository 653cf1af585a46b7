import { isJsonObject, type Json, type JsonObject } from '../core/json';

/** What takes more comparisons, or is nested deeper, is left to who can be ended from outside. */
const mostSteps = 10_000;
const mostDepth = 32;

/** Says nothing about a value. */
const notes = new Set([
  ...[
    '$comment',
    '$schema',
    'default',
    'deprecated',
    'description',
    'example',
    'examples',
    'readOnly',
    'title',
  ],
  'writeOnly',
]);

/** How much work is left. */
interface Budget {
  steps: number;
}

/** Whether a value fits what one keyword says. */
type Rule = (said: Json | undefined, value: Json, budget: Budget, depth: number) => boolean;

const rules: Readonly<Record<string, Rule>> = {
  type: (said, value) => (Array.isArray(said) ? said : [said]).some((type) => isOfType(type, value)),
  enum: (said, value, budget) =>
    Array.isArray(said) && spend(budget, said) && said.some((one) => isSame(one, value)),
  const: (said, value) => isSame(said, value),
  anyOf: (said, value, ...rest) => Array.isArray(said) && said.some((one) => fits(one, value, ...rest)),
  allOf: (said, value, ...rest) => Array.isArray(said) && said.every((one) => fits(one, value, ...rest)),
  minimum: (said, value) => typeof said === 'number' && !(typeof value === 'number' && value < said),
  maximum: (said, value) => typeof said === 'number' && !(typeof value === 'number' && value > said),
  // Characters, of which one may be two units; the units are no fewer.
  minLength: (said, value) =>
    typeof said === 'number' && (typeof value !== 'string' || value.length >= 2 * said),
  maxLength: (said, value) => typeof said === 'number' && (typeof value !== 'string' || value.length <= said),
  minItems: (said, value) => typeof said === 'number' && (!Array.isArray(value) || value.length >= said),
  maxItems: (said, value) => typeof said === 'number' && (!Array.isArray(value) || value.length <= said),
  items: (said, value, budget, depth) =>
    !Array.isArray(said) &&
    (!Array.isArray(value) || (spend(budget, value) && value.every((one) => fits(said, one, budget, depth)))),
  required: (said, value, budget) =>
    Array.isArray(said) &&
    (!isJsonObject(value) ||
      (spend(budget, said) && said.every((name) => typeof name === 'string' && Object.hasOwn(value, name)))),
  properties: (said, value, budget, depth) =>
    isJsonObject(said) &&
    (!isJsonObject(value) ||
      fieldsOf(value, budget).every(
        ([name, inner]) => !Object.hasOwn(said, name) || fits(said[name], inner, budget, depth),
      )),
};

/**
 * Whether arguments certainly fit a schema. False says nothing: they do not fit, or the schema has a keyword whose
 * evaluation nobody can bound (a pattern, a reference), or one that few schemas have. Time is bounded; never throws.
 * The keywords mean the same in every draft since 4 (JSON Schema Validation 2020-12, section 6, and Core, section 10).
 */
export function certainlyFits(schema: JsonObject, value: JsonObject): boolean {
  return fits(schema, value, { steps: mostSteps }, 0);
}

function fits(schema: Json | undefined, value: Json, budget: Budget, depth: number): boolean {
  if (schema === true) return budget.steps >= 0;
  if (!isJsonObject(schema) || depth > mostDepth) return false;
  for (const [keyword, said] of Object.entries(schema)) {
    if ((budget.steps -= 1) < 0) return false;
    if (keyword === 'additionalProperties') {
      if (!othersFit(schema, said, value, budget, depth + 1)) return false;
    } else if (!notes.has(keyword)) {
      const rule = Object.hasOwn(rules, keyword) ? rules[keyword] : undefined;
      if (rule === undefined || !rule(said, value, budget, depth + 1)) return false;
    }
  }
  return true;
}

/** Whether the fields that `properties` does not name fit. */
function othersFit(
  schema: JsonObject,
  said: Json | undefined,
  value: Json,
  budget: Budget,
  depth: number,
): boolean {
  if (said === true || !isJsonObject(value)) return true;
  const named = schema['properties'] ?? {};
  return (
    isJsonObject(named) &&
    fieldsOf(value, budget).every(
      ([name, inner]) => Object.hasOwn(named, name) || fits(said, inner, budget, depth),
    )
  );
}

/** The fields of a value, taken off the budget. */
function fieldsOf(value: JsonObject, budget: Budget): readonly (readonly [string, Json])[] {
  const fields = Object.entries(value).filter((field): field is [string, Json] => field[1] !== undefined);
  spend(budget, fields);
  return fields;
}

/** Takes the length of a list off the budget; false where nothing is left. */
function spend(budget: Budget, { length }: readonly unknown[]): boolean {
  return (budget.steps -= length) >= 0;
}

function isOfType(type: Json | undefined, value: Json): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'number':
      return Number.isFinite(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    default:
      return type === 'object' && isJsonObject(value);
  }
}

/** Objects and arrays are compared by nobody here. */
const isSame = (one: Json | undefined, other: Json): boolean =>
  one === other && (typeof one !== 'object' || one === null);
