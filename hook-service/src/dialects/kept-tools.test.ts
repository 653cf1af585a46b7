import { keptTools } from './kept-tools';
import type { JsonObject } from '../core/json';

const keep = (name: string): boolean => !/shell/.test(name);
const chatTool = (name: string): JsonObject => ({ type: 'function', function: { name } });

describe('the tools that a request keeps', () => {
  it('are the very same object where all may stay', () => {
    const body = { tools: [chatTool('read')], tool_choice: { type: 'function', function: { name: 'read' } } };
    expect(keptTools(body, keep)).toBe(body);
    expect(keptTools({ tools: 'auto' }, keep)).toEqual({ tools: 'auto' });
  });

  it.each<[string, JsonObject, JsonObject]>([
    ['chat', { tools: [chatTool('shell'), chatTool('read')] }, { tools: [chatTool('read')] }],
    [
      'the older form of chat',
      { functions: [{ name: 'shell' }, { name: 'read' }] },
      { functions: [{ name: 'read' }] },
    ],
    [
      'messages',
      {
        tools: [
          { name: 'read', input_schema: {} },
          { name: 'my_shell', input_schema: {} },
        ],
      },
      { tools: [{ name: 'read', input_schema: {} }] },
    ],
    [
      'responses, in namespaces and of the provider too',
      {
        tools: [
          { type: 'local_shell' },
          { type: 'namespace', name: 'os', tools: [{ type: 'function', name: 'shell' }] },
          {
            type: 'namespace',
            name: 'fs',
            tools: [
              { type: 'function', name: 'shell' },
              { type: 'function', name: 'ls' },
            ],
          },
          { type: 'mcp', server_label: 'shell' },
        ],
      },
      {
        tools: [
          { type: 'namespace', name: 'fs', tools: [{ type: 'function', name: 'ls' }] },
          { type: 'mcp', server_label: 'shell' },
        ],
      },
    ],
    [
      'generateContent',
      {
        tools: [
          { functionDeclarations: [{ name: 'shell' }, { name: 'read' }] },
          { functionDeclarations: [{ name: 'shell' }] },
        ],
      },
      { tools: [{ functionDeclarations: [{ name: 'read' }] }] },
    ],
  ])('are those whose names may stay: %s', (_dialect, body, kept) => {
    expect(keptTools({ model: 'm', ...body }, keep)).toEqual({ model: 'm', ...kept });
  });

  it('take a choice with them that asks for one that has gone, and every choice where none is left', () => {
    const choice = (name: string): JsonObject => ({ tool_choice: { type: 'tool', name } });
    const tools = [{ name: 'read' }, { name: 'shell' }];
    expect(keptTools({ tools, ...choice('shell') }, keep)).toEqual({ tools: [{ name: 'read' }] });
    expect(keptTools({ tools, ...choice('read') }, keep)).toEqual({
      tools: [{ name: 'read' }],
      ...choice('read'),
    });
    expect(keptTools({ tools: [{ name: 'shell' }], tool_choice: { type: 'any' } }, keep)).toEqual({});
  });
});
