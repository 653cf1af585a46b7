import type { JsonObject } from './json';
import { searchAnswer } from './search-answer';
import { calledNames } from './search-history';

describe('tools called earlier', () => {
  it.each<[string, JsonObject]>([
    [
      'chat',
      {
        messages: [
          { role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'a__b', arguments: '{}' } }] },
          { role: 'tool', tool_call_id: 'c', name: 'no__call', content: 'x' },
          { role: 'assistant', tool_calls: [{ id: 'd', function: { name: 'c__d', arguments: '' } }] },
        ],
      },
    ],
    [
      'responses',
      {
        input: [
          { type: 'function_call', call_id: 'c', name: 'a__b', arguments: '{}' },
          { type: 'function_call_output', call_id: 'c', output: 'x' },
          {
            type: 'function_call',
            call_id: 'd',
            name: 'call_tool',
            arguments: '{"name":"c__d","arguments":{}}',
          },
        ],
      },
    ],
    [
      'messages',
      {
        messages: [
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'a' },
              { type: 'tool_use', id: 't', name: 'a__b', input: { name: 'x__y', input: 1 } },
              { type: 'tool_use', id: 'u', name: 'toolturn__call_tool', input: { name: 'c__d' } },
            ],
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] },
        ],
      },
    ],
    [
      'generateContent',
      {
        contents: [
          {
            role: 'model',
            parts: [
              { functionCall: { name: 'a__b', args: {} } },
              { functionCall: { name: 'c__d', args: { q: 1 } } },
            ],
          },
          { role: 'user', parts: [{ functionResponse: { name: 'no__call', response: { result: 'x' } } }] },
        ],
      },
    ],
  ])('are found in %s, in the order of their first call', (_dialect, body) => {
    expect(calledNames(body)).toEqual(['a__b', 'c__d']);
  });

  it.each<[JsonObject]>([
    [{}],
    [{ messages: 'x', input: 'what is the word?', contents: null }],
    [{ tools: [{ name: 'a__b', input: {} }] }],
    [{ messages: [{ tool_calls: [{ function: { name: 'call_tool', arguments: '[' } }] }] }],
  ])('are none in %j', (body) => {
    expect(calledNames(body)).toEqual([]);
  });
});

describe('the answer of a search', () => {
  const tool = (name: string, inputSchema: JsonObject, description = 'd') => ({
    name: `s__${name}`,
    host: { server: 's', tool: name, description, inputSchema },
  });
  const properties = (count: number, description: string): JsonObject =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: 'string', description }]));

  it('leaves schemas as they are, and shortens those that are too long', () => {
    const plain = { type: 'object', properties: properties(3, 'x') };
    const wordy = {
      type: 'object',
      properties: { description: { type: 'string' }, ...properties(50, 'x'.repeat(500)) },
    };
    const endless = { type: 'object', properties: properties(5000, ''), required: ['p1'] };
    const [one, two, three] = JSON.parse(
      searchAnswer([tool('a', plain), tool('b', wordy), tool('c', endless)], 100_000),
    ) as { input_schema: JsonObject }[];
    expect(one?.input_schema).toEqual(plain);
    expect(two?.input_schema).toMatchObject({
      properties: { description: { type: 'string' }, p49: { type: 'string' } },
    });
    expect(JSON.stringify(two)).not.toContain('xxxx');
    expect(three?.input_schema).toMatchObject({
      required: ['p1'],
      description: expect.stringContaining('Shortened'),
    });
    expect(JSON.stringify(three).length).toBeLessThan(6000);
  });

  it('is valid JSON and bounded however many tools there are', () => {
    const many = Array.from({ length: 20 }, (_, i) =>
      tool(`t${i}`, { type: 'object', properties: properties(60, 'y'.repeat(50)) }, 'z'.repeat(5000)),
    );
    const answer = searchAnswer(many, 100_000);
    expect(answer.length).toBeLessThan(30_000);
    expect((JSON.parse(answer) as object[]).length).toBeGreaterThan(2);
    expect(searchAnswer([], 1000)).toBe('[]');
  });
});
