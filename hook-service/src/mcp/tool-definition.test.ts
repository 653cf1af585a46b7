import type { Log } from '../core/ports';
import type { ServerConfig } from '../core/servers';
import { readTools } from './tool-definition';

const server: ServerConfig = {
  name: 'one',
  publicName: 'one',
  transport: 'stdio',
  command: 'x',
  args: [],
  env: {},
  timeoutMs: 1,
  requireApproval: 'never',
};
const inputSchema = { type: 'object' };

function read(listed: unknown[]) {
  const warnings: string[] = [];
  const ignore = () => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (message) => void warnings.push(message),
  };
  return { tools: readTools(server, listed, log), warnings };
}

describe('a tool definition', () => {
  test.each([
    ['no input schema', { name: 'a' }],
    ['an input schema that is no object', { name: 'a', inputSchema: { type: 'string' } }],
    ['a number as its name', { name: 7, inputSchema }],
    ['an invisible character in its name', { name: 'a\u202e', inputSchema }],
    ['a name without end', { name: 'a'.repeat(129), inputSchema }],
    ['a description of a megabyte', { name: 'a', inputSchema, description: 'x'.repeat(1_000_000) }],
    ['nothing in it', null],
  ])('with %s is left out with a warning', (_name, definition) => {
    const { tools, warnings } = read([definition, { name: 'good', inputSchema }]);
    expect(tools.map((tool) => tool.tool)).toEqual(['good']);
    expect(warnings).toHaveLength(1);
  });

  test('with hints that are not booleans is offered without hints', () => {
    const { tools } = read([{ name: 'a', inputSchema, annotations: { readOnlyHint: 'yes' } }]);
    expect(tools).toEqual([{ server: 'one', tool: 'a', inputSchema }]);
  });

  test('keeps every part of its schema', () => {
    const own = { type: 'object', $defs: { a: { const: null } }, 'x-own': [{}], additionalProperties: false };
    expect(read([{ name: 'a', inputSchema: own }]).tools[0]?.inputSchema).toBe(own);
  });

  test('stands at its place by code units, the same on every machine', () => {
    const names = ['b', 'ä', 'B', 'a', '1'];
    const { tools } = read(names.map((name) => ({ name, inputSchema })));
    expect(tools.map((tool) => tool.tool)).toEqual(['1', 'B', 'a', 'b', 'ä']);
  });

  test('beyond two thousand is not offered', () => {
    const { tools } = read(
      Array.from({ length: 10_000 }, (_, index) => ({ name: `t${index}`, inputSchema })),
    );
    expect(tools).toHaveLength(2_000);
  });
});
