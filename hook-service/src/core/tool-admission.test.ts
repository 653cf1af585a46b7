import { memoryLog, remoteServer } from '../../../tests/support/mcp/servers';
import { nameTools } from './naming';
import type { HostTool } from './ports';
import type { ToolSettings } from './servers';
import { ToolAdmission } from './tool-admission';
import { withFixed } from './tool-overrides';

const inputSchema = { type: 'object', properties: { a: {}, b: {} }, required: ['a', 'b'], 'x-own': [1] };
const tool = (name: string, more: Partial<HostTool> = {}): HostTool => ({
  server: 'one',
  tool: name,
  inputSchema,
  ...more,
});

async function admit(tools: HostTool[], settings: Record<string, ToolSettings>) {
  const log = memoryLog();
  const server = remoteServer('one', 'http://h/mcp', { settings: { tools: settings } });
  const admission = new ToolAdmission({ pins: { review: async (_server, all) => all }, log });
  await admission.admit(server, tools);
  const admitted = await admission.admit(server, tools);
  return { admitted, warnings: log.entries.map((entry) => entry.message) };
}

describe('a tool on its way to the model', () => {
  it('is left as it is, schema and all, where nothing is said of it', async () => {
    const { admitted, warnings } = await admit([tool('a')], {});
    expect(admitted).toEqual([{ ...tool('a'), digest: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(admitted[0]?.inputSchema).toBe(inputSchema);
    expect(warnings).toEqual([]);
  });

  it('gets its name, description and schema from the config, and keeps those of its server for the call', async () => {
    const settings = { name: 'ask', description: 'Asks.', arguments: { b: 1 } };
    const { admitted } = await admit([tool('query')], { query: settings });
    expect(admitted).toMatchObject([
      { tool: 'query', shownAs: 'ask', description: 'Asks.', serverSchema: inputSchema, settings },
    ]);
    expect(admitted[0]?.inputSchema).toEqual({
      type: 'object',
      properties: { a: {} },
      required: ['a'],
      'x-own': [1],
    });
    expect([...nameTools(admitted).keys()]).toEqual(['one__ask']);
    expect(withFixed({ a: 1, b: 2 }, settings.arguments)).toEqual({ a: 1, b: 1 });
  });

  it('does not take the name that another tool of its server has', async () => {
    const { admitted, warnings } = await admit([tool('a'), tool('b')], { a: { name: 'b' } });
    expect([...nameTools(admitted).keys()]).toEqual(['one__a', 'one__b']);
    expect(warnings).toEqual([expect.stringContaining('tools.a.name has no effect')]);
  });

  it('loses what nobody sees in its texts', async () => {
    const dirty = tool('a', {
      description: 'Adds\u202e.',
      inputSchema: { type: 'object', description: 'x\u{e0041}y\u0000', properties: { c: { const: 1 } } },
    });
    const { admitted, warnings } = await admit([dirty], {});
    expect(admitted).toMatchObject([{ description: 'Adds.', inputSchema: { description: 'xy' } }]);
    expect(warnings).toEqual([expect.stringContaining('hides characters')]);
  });

  it.each<[string, Record<string, ToolSettings>, RegExp]>([
    [
      'for a tool that there is not',
      { nothing: {} },
      /tools.nothing has no effect: the server lists no tool/,
    ],
    ['to cache what may change things', { a: { cacheSeconds: 3 } }, /tools.a.cache has no effect/],
    ['for a tool with an odd name', { constructor: {} }, /tools.constructor has no effect/],
  ])('is warned of once where there are settings %s', async (_what, settings, warning) => {
    const { admitted, warnings } = await admit([tool('a')], settings);
    expect(admitted).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });
});
