import type { OfferedTool } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { generateContent } from './generate-content';

const contents = [{ role: 'user', parts: [{ text: 'Hello.' }] }];
const own = { name: 'weather', parameters: { type: 'OBJECT' } };
const tool = (name: string): OfferedTool => ({
  name,
  host: {
    server: 'notes',
    tool: name,
    description: 'Does it.',
    inputSchema: { type: 'object', additionalProperties: false },
  },
});
const offered = [tool('notes__a'), tool('notes__b')];
const declared = offered.map(({ name }) => ({
  name,
  description: 'Does it.',
  parametersJsonSchema: { type: 'object', properties: {}, additionalProperties: false },
}));
const withOffer = (body: JsonObject): JsonObject => ({
  ...body,
  ...generateContent.offer(body, offered).set,
});
const refusal = (body: JsonObject): string | undefined =>
  generateContent.clientTools({ contents, ...body }).refusal;
const mode = (functionCallingConfig: JsonObject): JsonObject => ({ toolConfig: { functionCallingConfig } });

describe('a generateContent path', () => {
  it.each([
    '/v1beta/models/gemini:generateContent',
    '/models/gemini:streamGenerateContent',
    '/v1beta/models/openai/gpt-4o:generateContent',
  ])('%s carries turns', (path) => {
    expect(generateContent.matches(path)).toBe(true);
  });

  it.each([
    '/v1beta/models/gemini:countTokens',
    '/gemini/v1beta/models/gemini:generateContent',
    '/v1beta/models/:generateContent',
    '/v1/chat/completions',
  ])('%s carries none', (path) => {
    expect(generateContent.matches(path)).toBe(false);
  });
});

describe('an offer to a generateContent request', () => {
  const cases: [string, JsonObject, JsonObject[]][] = [
    ['without tools is an entry of its own', {}, [{ functionDeclarations: declared }]],
    ['with tools: "auto" takes its place', { tools: 'auto' }, [{ functionDeclarations: declared }]],
    [
      'stands behind the client’s declarations, in their entry',
      { tools: [{ functionDeclarations: [own] }, { codeExecution: {} }] },
      [{ functionDeclarations: [own, ...declared] }, { codeExecution: {} }],
    ],
    [
      'uses the name of the field that the client uses',
      { tools: [{ googleSearch: {}, function_declarations: [own] }] },
      [{ googleSearch: {}, function_declarations: [own, ...declared] }],
    ],
    [
      'stands behind all declarations where there are several entries',
      { tools: [{ functionDeclarations: [own] }, { functionDeclarations: [{ name: 'time' }] }] },
      [{ functionDeclarations: [own] }, { functionDeclarations: [{ name: 'time' }, ...declared] }],
    ],
  ];

  it.each(cases)('%s', (_what, extra, tools) => {
    const body = { contents, ...extra };
    const client = generateContent.clientTools(body);
    const armed = withOffer(body);
    expect(client.refusal).toBeUndefined();
    expect(armed['tools']).toEqual(tools);
    expect(generateContent.offered(armed, client.count)).toEqual(new Set(['notes__a', 'notes__b']));
    const taken = generateContent.withdraw(armed, client.count);
    expect(taken).toEqual(extra['tools'] === 'auto' ? { contents } : body);
    expect(generateContent.clientTools(taken).names).toEqual(client.names);
  });

  it('knows the names of the client’s own tools, and that some lists hold calls it cannot know', () => {
    const read = (tools: JsonObject[]) => generateContent.clientTools({ contents, tools });
    expect(read([{ functionDeclarations: [own] }, { googleSearch: {} }])).toMatchObject({
      count: 1,
      names: new Set(['weather']),
      opaque: false,
    });
    expect(read([{ functionDeclarations: [own] }, { computerUse: {} }]).opaque).toBe(true);
  });

  const refused: [string, JsonObject][] = [
    ['the mode is NONE', mode({ mode: 'NONE' })],
    ['the mode is none, in snake case', { tool_config: { function_calling_config: { mode: 'none' } } }],
    [
      'the mode is ANY and the client has tools',
      { ...mode({ mode: 'ANY' }), tools: [{ functionDeclarations: [own] }] },
    ],
    ['only some functions are allowed', mode({ mode: 'VALIDATED', allowedFunctionNames: ['weather'] })],
    ['calls are streamed in pieces', mode({ streamFunctionCallArguments: true })],
    ['several candidates are wanted', { generationConfig: { candidateCount: 2 } }],
    ['the tools are in a cache', { cachedContent: 'cachedContents/1' }],
    // Gemini answers these with 400 as soon as a function is declared.
    ['the request has tools of the provider alone', { tools: [{ googleSearch: {} }] }],
    ['the answer must be JSON', { generationConfig: { responseMimeType: 'application/json' } }],
    ['the answer is an image', { generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } }],
    ['tools is no list', { tools: 'none' }],
    ['contents is no list', { contents: 'Hello.' }],
  ];

  it.each(refused)('is not made where %s', (_why, extra) => {
    expect(refusal(extra)).toEqual(expect.any(String));
  });

  const fine: [string, JsonObject][] = [
    ['the mode is AUTO', mode({ mode: 'AUTO' })],
    ['the mode is ANY and there are no tools but ours', mode({ mode: 'ANY' })],
    [
      'the client combines tools of both kinds itself',
      { tools: [{ googleSearch: {} }, { functionDeclarations: [own] }] },
    ],
    [
      'the answer is text',
      { generationConfig: { candidateCount: 1, responseModalities: ['TEXT'], temperature: 0 } },
    ],
  ];

  it.each(fine)('is made where %s', (_why, extra) => {
    expect(refusal(extra)).toBeUndefined();
  });
});

describe('function calling in later rounds', () => {
  const round = generateContent.read(
    { candidates: [{ content: { role: 'model', parts: [{ functionCall: { name: 'notes__a' } }] } }] },
    'turn-0001',
    1,
  );
  const retrieval = { retrievalConfig: { languageCode: 'de' } };

  it('is not forced again', () => {
    const forced = { contents, ...mode({ mode: 'ANY' }) };
    expect(generateContent.next(forced, round, [])).not.toHaveProperty('toolConfig');
    const more = { contents, toolConfig: { functionCallingConfig: { mode: 'ANY' }, ...retrieval } };
    expect(generateContent.next(more, round, [])['toolConfig']).toEqual(retrieval);
    const auto: JsonObject = { contents, ...mode({ mode: 'AUTO' }) };
    expect(generateContent.next(auto, round, [])['toolConfig']).toEqual(auto['toolConfig']);
  });

  it('is forbidden with tools still declared', () => {
    const body = { contents, tools: [{ functionDeclarations: declared }], tool_config: retrieval };
    expect(generateContent.forbid(body)).toEqual({
      contents,
      tools: body.tools,
      toolConfig: { ...retrieval, functionCallingConfig: { mode: 'NONE' } },
    });
  });
});
