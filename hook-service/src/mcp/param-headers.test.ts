import type { JsonObject } from '../core/json';
import { headerParams, paramHeaders } from './param-headers';

const schema = (properties: JsonObject): JsonObject => ({ type: 'object', properties });
const params = (properties: JsonObject) => {
  const found = headerParams(schema(properties));
  if (typeof found === 'string') throw new Error(found);
  return found;
};

test('annotated arguments become headers, at any depth, encoded where a header could not hold them', () => {
  const found = params({
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    at: schema({ name: { type: 'string', 'x-mcp-header': 'Name' } }),
    query: { type: 'string' },
  });
  expect(paramHeaders(found, { region: 'us-west1', count: 0, at: { name: 'Zoë\n' }, query: 'x' })).toEqual({
    'mcp-param-region': 'us-west1',
    'mcp-param-count': '0',
    'mcp-param-name': `=?base64?${Buffer.from('Zoë\n').toString('base64')}?=`,
  });
});

test('an argument that is absent, null or no plain value has no header', () => {
  const found = params({
    a: { type: 'string', 'x-mcp-header': 'A' },
    b: { type: 'boolean', 'x-mcp-header': 'B' },
    c: { type: 'integer', 'x-mcp-header': 'C' },
  });
  expect(paramHeaders(found, { b: null, c: 2 ** 60 })).toEqual({});
});

test.each<[string, JsonObject]>([
  ['no name of a header', { a: { type: 'string', 'x-mcp-header': 'My Region' } }],
  ['no name of a header', { a: { type: 'string', 'x-mcp-header': '' } }],
  ['needs the type', { a: { type: 'number', 'x-mcp-header': 'A' } }],
  ['no single argument is meant', { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } }],
  [
    'the same header twice',
    { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } },
  ],
])('a definition is invalid where %s', (message, properties) => {
  expect(headerParams(schema(properties))).toContain(message);
});

test('an argument may itself be called x-mcp-header, and a default is no declaration', () => {
  expect(params({ 'x-mcp-header': { type: 'string' }, a: { default: { 'x-mcp-header': 'A' } } })).toEqual([]);
});

test('a schema without end is refused, not searched for ever', () => {
  let deep: JsonObject = { type: 'object' };
  for (let level = 0; level < 5_000; level += 1) deep = schema({ a: deep });
  expect(headerParams(deep)).toContain('deeper');
});
