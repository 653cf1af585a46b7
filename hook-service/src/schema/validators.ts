import Ajv, { type AnySchema, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import Ajv2019 from 'ajv/dist/2019';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { isJsonObject } from '../core/json';
import type { ArgumentCheck, ArgumentProblem } from '../core/ports';
import { tooBig } from './bounds';

type Draft = typeof Ajv | typeof Ajv2019 | typeof Ajv2020;

/** What a schema came to: a function, or why there is none. */
type Compiled = { readonly validate: ValidateFunction } | { readonly reason: string };

const mostErrors = 50;

const options: Options = {
  // Servers write keywords of their own, and leave types out: none of that is a reason to refuse a schema.
  strict: false,
  allErrors: true,
  logger: false,
  // The bounded check by the draft's own schema is made once, on an instance that is shared.
  validateSchema: false,
  addUsedSchema: false,
  // With each error the schema it comes from: it may know a default for what is missing.
  verbose: true,
};

/**
 * Compiles schemas when they are first needed and keeps the latest `capacity`. Nothing is ever fetched: a `$ref` to
 * elsewhere makes a schema unusable. Not bounded in time: it runs where it can be ended from outside (`worker.ts`).
 */
export class Validators {
  private readonly compiled = new Map<string, Compiled>();

  constructor(private readonly capacity = 500) {}

  has(key: string): boolean {
    return this.compiled.has(key);
  }

  /** Compiles a schema under a key. */
  add(key: string, schema: unknown): void {
    this.compiled.set(key, compile(schema));
    for (const oldest of this.compiled.keys()) {
      if (this.compiled.size <= this.capacity) break;
      this.compiled.delete(oldest);
    }
  }

  /** Compares a value with the schema of that key. */
  check(key: string, value: unknown): ArgumentCheck {
    const compiled = this.compiled.get(key);
    if (compiled === undefined) return { state: 'unchecked', reason: 'the schema is not known' };
    // The one used last stays longest.
    this.compiled.delete(key);
    this.compiled.set(key, compiled);
    if ('reason' in compiled) return { state: 'unchecked', reason: compiled.reason };
    try {
      if (compiled.validate(value) === true) return { state: 'valid' };
    } catch (error) {
      // A schema that refers to itself without end takes all of the stack.
      return { state: 'unchecked', reason: `it cannot be evaluated (${nameOf(error)})` };
    }
    const errors = (compiled.validate.errors ?? []).slice(0, mostErrors);
    return { state: 'invalid', problems: errors.filter((error) => !isFrame(error, errors)).map(problemOf) };
  }
}

function compile(schema: unknown): Compiled {
  const big = tooBig(schema);
  if (big !== undefined) return { reason: big };
  // The library would make a function that answers later; no server means that.
  if (typeof schema === 'object' && schema !== null && '$async' in schema)
    return { reason: 'it holds $async' };
  let reason = '';
  for (const Draft of draftsOf(schema)) {
    // Patterns are written for engines that are less strict than the `u` flag.
    for (const unicodeRegExp of [true, false]) {
      try {
        if (!isSchema(Draft, schema)) throw new Error('it is no valid JSON Schema');
        const ajv = new Draft({ ...options, unicodeRegExp });
        addFormats(ajv);
        return { validate: ajv.compile(schema as AnySchema) };
      } catch (error) {
        reason ||= reasonOf(error);
      }
    }
  }
  return { reason };
}

/** `$schema` decides; without one it is 2020-12 (MCP since 2025-11-25), or draft-07 where it is no valid 2020-12. */
function draftsOf(schema: unknown): readonly Draft[] {
  const named =
    typeof schema === 'object' && schema !== null && '$schema' in schema ? schema.$schema : undefined;
  if (typeof named !== 'string') return [Ajv2020, Ajv];
  if (/draft-0[4567]/.test(named)) return [Ajv];
  if (named.includes('2019-09')) return [Ajv2019];
  return [Ajv2020, Ajv];
}

const judges = new Map<Draft, InstanceType<Draft>>();

function isSchema(Draft: Draft, schema: unknown): boolean {
  const judge = judges.get(Draft) ?? new Draft({ strict: false, logger: false });
  judges.set(Draft, judge);
  const { $schema: _draft, ...rest } = schema as Record<string, unknown>;
  return judge.validateSchema(rest) === true;
}

/** Errors that only say that something inside of them went wrong, where that is told as well. */
function isFrame(error: ErrorObject, all: readonly ErrorObject[]): boolean {
  if (error.keyword === 'if') return true;
  if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') return false;
  return all.some((other) => other !== error && other.instancePath.startsWith(error.instancePath));
}

function problemOf(error: ErrorObject): ArgumentProblem {
  const path = pathOf(error.instancePath);
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'type': {
      const types = [params['type']].flat().flatMap((type) => String(type).split(','));
      return { path, expected: `must be ${types.join(' or ')}`, types };
    }
    case 'required':
    case 'dependentRequired':
      return missing(error, path, String(params['missingProperty']));
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return {
        path: [...path, String(params['additionalProperty'] ?? params['unevaluatedProperty'])],
        expected: 'is no field of this tool',
      };
    case 'enum':
      return { path, expected: `must be one of ${listText(params['allowedValues'])}` };
    case 'const':
      return { path, expected: `must be ${listText([params['allowedValue']])}` };
    default:
      return { path, expected: (error.message ?? 'does not fit').slice(0, 200) };
  }
}

/** Some libraries call a field required that has a default; their servers then take a call without it. */
function missing(error: ErrorObject, path: ArgumentProblem['path'], field: string): ArgumentProblem {
  const fields: unknown = error.parentSchema?.['properties'];
  const schema = isJsonObject(fields) && Object.hasOwn(fields, field) ? fields[field] : undefined;
  const fill = isJsonObject(schema) ? schema['default'] : undefined;
  return { path: [...path, field], expected: 'is missing', ...(fill === undefined ? {} : { fill }) };
}

function listText(values: unknown): string {
  const list = Array.isArray(values) ? values : [];
  const shown = list.slice(0, 20).map((value) => JSON.stringify(value).slice(0, 60));
  return `${shown.join(', ')}${list.length > shown.length ? ' and others' : ''}`;
}

/** A JSON Pointer as names and positions. */
function pathOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^(?:0|[1-9]\d{0,8})$/.test(part) ? Number(part) : part));
}

/** In our words: the library's own quote the schema. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/can't resolve reference/.test(message)) return 'it refers to a schema that it does not hold ($ref)';
  if (/regular expression/i.test(message)) return 'it has a pattern that is no regular expression here';
  if (/no valid JSON Schema/.test(message)) return message;
  return `it cannot be compiled (${nameOf(error)})`;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
