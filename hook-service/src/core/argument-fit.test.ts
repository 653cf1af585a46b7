import fc from 'fast-check';
import { Validators } from '../schema/validators';
import { fitArguments } from './argument-fit';
import type { JsonObject } from './json';
import type { ArgumentChecker } from './ports';

/** The real comparison, without the thread around it. */
const validators = new Validators();
const checker: ArgumentChecker = {
  check: async (schema, value) => {
    const key = JSON.stringify(schema);
    if (!validators.has(key)) validators.add(key, schema);
    return validators.check(key, value);
  },
};

const schema: JsonObject = {
  type: 'object',
  properties: {
    count: { type: 'integer', minimum: 0 },
    ratio: { type: 'number' },
    deep: { type: 'boolean' },
    name: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' } },
    ids: { type: 'array', items: { type: 'integer' } },
    filter: { type: 'object', properties: { since: { $ref: '#/$defs/year' } } },
    maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    mode: { enum: ['fast', 'slow'] },
  },
  $defs: { year: { type: 'integer' } },
  required: ['name'],
  additionalProperties: false,
};

describe('arguments that do not fit a schema', () => {
  it.each([
    ['a number written as text', { count: '5' }, { count: 5 }],
    ['a number with digits behind the point', { ratio: '-1.5e3' }, { ratio: -1500 }],
    ['true and false as text', { deep: 'True' }, { deep: true }],
    ['a number where text is wanted', { name: 17 }, { name: '17' }],
    ['a single value where a list is wanted', { tags: 'red' }, { tags: ['red'] }],
    ['a single value of the wrong type where a list is wanted', { ids: '7' }, { ids: [7] }],
    ['a list written as text', { tags: '["a","b"]' }, { tags: ['a', 'b'] }],
    ['an object written as text', { filter: '{"since": 1999}' }, { filter: { since: 1999 } }],
    ['an object as text with a number as text', { filter: '{"since": "1999"}' }, { filter: { since: 1999 } }],
    ['values in a list', { ids: ['1', 2, '3'] }, { ids: [1, 2, 3] }],
    ['one of several types', { maybe: '4' }, { maybe: 4 }],
    ['null as text', { maybe: 'null' }, { maybe: null }],
    ['null for a field that may be left out', { count: null, deep: null }, {}],
  ])('are repaired: %s', async (_what, given, wanted) => {
    expect(await fitArguments(checker, schema, { name: 'n', ...given })).toEqual({
      ok: true,
      value: { name: 'n', ...wanted },
    });
  });

  it.each([
    ['a required field that is missing', {}, /^"name" is missing.*Fields of this tool: count, ratio/],
    [
      'a value that means nothing of the type',
      { name: 'n', count: 'many' },
      /^"count" must be an integer, not "many"/,
    ],
    ['a code that looks like a number', { name: 'n', count: '007' }, /"count" must be an integer/],
    [
      'more digits than a number has',
      { name: 'n', count: '12345678901234567890' },
      /"count" must be an integer/,
    ],
    ['a number out of range', { name: 'n', count: -1 }, /^"count" must be >= 0, not -1/],
    ['a field that there is not', { name: 'n', cuont: 1 }, /^"cuont" is no field of this tool\. Fields/],
    [
      'a value that is not in the list',
      { name: 'n', mode: 'quick' },
      /^"mode" must be one of "fast", "slow", not "quick"/,
    ],
    ['a value in a list', { name: 'n', ids: [1, 'x'] }, /^"ids\[1\]" must be an integer, not "x"$/],
    [
      'a value behind a reference',
      { name: 'n', filter: { since: [] } },
      /^"filter.since" must be an integer, not \[\]$/,
    ],
    ['one of several types', { name: 'n', maybe: 'x' }, /^"maybe" must be an integer or null/],
    ['null where a value is needed', { name: null }, /^"name" must be a string, not null/],
  ])('are refused with the field and what is expected: %s', async (_what, given, reason) => {
    expect(await fitArguments(checker, schema, given)).toEqual({
      ok: false,
      reason: expect.stringMatching(reason),
    });
  });

  it('get the default of a field that is called required all the same', async () => {
    const shot: JsonObject = {
      type: 'object',
      properties: {
        type: { enum: ['png', 'jpeg'], default: 'png' },
        size: {
          type: 'object',
          properties: { scale: { type: 'number', default: 1 }, unit: { type: 'string' } },
          required: ['scale'],
        },
        file: { type: 'string', default: 'optional, so left out' },
      },
      required: ['type'],
    };
    expect(await fitArguments(checker, shot, { size: { unit: 'css' } })).toEqual({
      ok: true,
      value: { type: 'png', size: { unit: 'css', scale: 1 } },
    });
    expect(await fitArguments(checker, shot, { type: 'jpeg' })).toEqual({
      ok: true,
      value: { type: 'jpeg' },
    });
  });

  it('do not tell what stands in a field that the operator has set', async () => {
    const fit = await fitArguments(checker, schema, { name: 'n', count: 'secret-value' }, new Set(['count']));
    expect(fit).toEqual({ ok: false, reason: expect.stringMatching(/^"count" is set by the operator/) });
    expect(JSON.stringify(fit)).not.toContain('secret-value');
  });
});

describe('arguments and any schema', () => {
  const schemas = fc
    .dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom<JsonObject>(
        { type: 'integer' },
        { type: 'number' },
        { type: 'string' },
        { type: 'boolean' },
        { type: 'null' },
        { type: 'array', items: { type: 'integer' } },
        { type: ['object', 'string'] },
        { anyOf: [{ type: 'boolean' }, { type: 'array' }] },
        {},
      ),
    )
    .map((properties): JsonObject => ({ type: 'object', properties }));
  const values = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.oneof(
      fc.constantFrom('5', 'true', '[1,"2"]', '{"x":1}', 'null', '"7"', '', 5, null, true),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  );

  it('are never changed where they fit, and what was repaired fits and is not repaired again', async () => {
    await fc.assert(
      fc.asyncProperty(schemas, values, async (any, object) => {
        const given = object as JsonObject;
        const before = await checker.check(any, given);
        const fit = await fitArguments(checker, any, given);
        if (before.state === 'valid') expect(fit).toEqual({ ok: true, value: given });
        if (!fit.ok) return;
        expect((await checker.check(any, fit.value)).state).toBe('valid');
        expect(await fitArguments(checker, any, fit.value)).toEqual(fit);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a schema that cannot be used', () => {
  const deep = (depth: number): JsonObject => (depth === 0 ? {} : { properties: { a: deep(depth - 1) } });

  it.each<[string, JsonObject, RegExp]>([
    ['refers to the network', { $ref: 'http://127.0.0.1:1/schema' }, /\$ref/],
    ['refers to itself without end', { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, /cannot be/],
    ['is no schema', { type: 'object', properties: { a: { type: 'strin' } } }, /no valid JSON Schema/],
    [
      'has a pattern of another language',
      { properties: { a: { pattern: '(?P<x>a)' } } },
      /regular expression/,
    ],
    ['is nested without end', deep(60), /nested deeper/],
    ['is endless', { enum: Array.from({ length: 30_000 }, (_, i) => i) }, /more than 20000 parts/],
    ['answers later', { $async: true, type: 'object' }, /\$async/],
  ])('lets arguments through as they are: it %s', async (_what, broken, reason) => {
    const given = { a: '5' };
    const fit = await fitArguments(checker, broken, given);
    expect(fit).toEqual({ ok: true, value: given, unchecked: expect.stringMatching(reason) });
  });

  it.each<[string, JsonObject]>([
    [
      '2020-12',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        properties: { a: { prefixItems: [{ type: 'string' }] } },
      },
    ],
    [
      'draft-07',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        properties: { a: { items: [{ type: 'string' }] } },
      },
    ],
    ['no draft, written as draft-07', { properties: { a: { items: [{ type: 'string' }] } } }],
  ])('is another thing than one of %s', async (_draft, known) => {
    expect((await checker.check(known, { a: [{}] })).state).toBe('invalid');
    expect((await checker.check(known, { a: ['x', 5] })).state).toBe('valid');
  });
});
