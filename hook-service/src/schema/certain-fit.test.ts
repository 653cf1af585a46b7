import fc from 'fast-check';
import type { Json, JsonObject } from '../core/json';
import { certainlyFits } from './certain-fit';
import { Validators } from './validators';

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...more,
});

describe('arguments certainly fit', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['a schema that says nothing', {}, { a: 1 }],
    [
      'fields of the right types',
      object(
        { path: { type: 'string', minLength: 1 }, depth: { type: ['integer', 'null'], minimum: 0 } },
        {
          required: ['path'],
          additionalProperties: false,
          $schema: 'http://json-schema.org/draft-07/schema#',
        },
      ),
      { path: '/notes', depth: null },
    ],
    [
      'one of several',
      object({ a: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null } }),
      { a: null },
    ],
    [
      'a list of objects',
      object({ a: { type: 'array', items: object({ b: { enum: ['x', 1] } }) } }),
      { a: [{ b: 1 }] },
    ],
    ['other fields of one type', object({}, { additionalProperties: { type: 'number' } }), { a: 1.5 }],
  ])('%s', (_what, schema, value) => {
    expect(certainlyFits(schema, value)).toBe(true);
  });

  it.each<[string, JsonObject, JsonObject]>([
    ['a field has the wrong type', object({ a: { type: 'string' } }), { a: 1 }],
    ['a field is missing', object({}, { required: ['a'] }), {}],
    ['a required field stands in the prototype alone', object({}, { required: ['toString'] }), {}],
    ['there is a field too many', object({ a: true }, { additionalProperties: false }), { b: 1 }],
    ['a whole number is wanted', object({ a: { type: 'integer' } }), { a: 1.5 }],
    ['a pattern has to be evaluated', object({ a: { pattern: '^(a+)+$' } }), { a: 'aa' }],
    ['a format has to be', object({ a: { format: 'date' } }), { a: '2026-01-01' }],
    ['a schema refers to another', object({ a: { $ref: '#/$defs/a' } }), { a: 1 }],
    ['the length counts characters of two units', object({ a: { minLength: 2 } }), { a: '😀' }],
    ['a keyword does not say what it should', object({ a: { enum: 'x' } }), { a: 'x' }],
    ['an object is one of a list', object({ a: { enum: [{}] } }), { a: {} }],
  ])('and not where %s', (_what, schema, value) => {
    expect(certainlyFits(schema, value)).toBe(false);
  });

  it('never where a validator says that they do not', () => {
    const names = fc.constantFrom('a', 'b');
    const values = fc.letrec<{ any: Json; object: JsonObject }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom<Json>('', 'a', 'ab', 0, 1, 2, -1, 1.5, true, null),
        fc.array(tie('any'), { maxLength: 2 }),
        tie('object'),
      ),
      object: fc.dictionary(names, tie('any'), { maxKeys: 2, noNullPrototype: true }),
    }));
    const types = fc.constantFrom('string', 'number', 'integer', 'boolean', 'null', 'array', 'object');
    const numbers = fc.integer({ min: 0, max: 2 });
    const optional = { requiredKeys: [] as never[], noNullPrototype: true };
    const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => {
      const lists = fc.array(tie('schema'), { minLength: 1, maxLength: 2 });
      const typed = fc.record({ type: fc.oneof(types, fc.uniqueArray(types, { minLength: 3 })) });
      const listed = fc.record({ enum: fc.array(values.any, { minLength: 3, maxLength: 9 }) });
      const bounds = fc.record(
        {
          ...{ minimum: numbers, maximum: numbers, minLength: numbers, maxLength: numbers },
          ...{ minItems: numbers, maxItems: numbers },
        },
        optional,
      );
      const nested = fc.record(
        {
          required: fc.uniqueArray(names, { maxLength: 1 }),
          properties: fc.dictionary(names, tie('schema'), { maxKeys: 2, noNullPrototype: true }),
          additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
          ...{ items: tie('schema'), anyOf: lists, allOf: lists },
        },
        optional,
      );
      const others = fc.oneof(
        fc.record({ const: values.any }),
        fc.record({ pattern: fc.constant('^a') }),
        fc.record({ oneOf: lists }),
        fc.record({ not: tie('schema') }),
      );
      return { schema: fc.oneof({ maxDepth: 3 }, typed, listed, bounds, nested, others) };
    });
    let fitting = 0;
    fc.assert(
      fc.property(schema, values.any, (one, a) => {
        const whole = object({ a: one });
        if (!certainlyFits(whole, { a })) return;
        fitting += 1;
        const validators = new Validators();
        validators.add('s', whole);
        expect(validators.check('s', { a }).state).not.toBe('invalid');
      }),
      { numRuns: 1_000 },
    );
    expect(fitting).toBeGreaterThan(100);
  });

  it('takes no longer for a schema that somebody made long', () => {
    const wide = object({
      a: { type: 'array', items: { anyOf: Array.from({ length: 5_000 }, () => ({ type: 'null' })) } },
    });
    expect(certainlyFits(wide, { a: Array.from({ length: 5_000 }, () => 1) })).toBe(false);
    let deep: JsonObject = {};
    let value: JsonObject = {};
    for (let depth = 0; depth < 100; depth++) [deep, value] = [object({ a: deep }), { a: value }];
    expect(certainlyFits(deep, value)).toBe(false);
  });
});
