// The stdio MCP server that the official server suite expects to find, by the names of its scenarios (SDK 1.x).
// What would ask the client something (sampling, elicitation) is left out: Toolturn's clients cannot be asked.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { setTimeout as pause } from 'node:timers/promises';

const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: png, mimeType: 'image/png' };

const tools = {
  test_simple_text: () => ({ content: [text('This is a simple text response for testing.')] }),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }),
  test_multiple_content_types: () => ({
    content: [
      text('Multiple content types test:'),
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  }),
  test_error_handling: () => {
    return { content: [text('This tool intentionally returns an error for testing')], isError: true };
  },
  test_tool_with_progress: async ({ _meta, sendNotification }) => {
    for (const progress of [0, 50, 100]) {
      const params = { progressToken: _meta?.progressToken ?? 0, progress, total: 100 };
      await sendNotification({ method: 'notifications/progress', params });
      await pause(20);
    }
    return { content: [text('Done.')] };
  },
};
const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
  },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
};

const resources = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: png },
};
const says = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
const prompts = {
  test_simple_prompt: () => says(text('This is a simple prompt for testing.')),
  test_prompt_with_arguments: ({ arg1, arg2 }) =>
    says(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  test_prompt_with_embedded_resource: ({ resourceUri }) =>
    says(
      {
        type: 'resource',
        resource: {
          uri: resourceUri,
          mimeType: 'text/plain',
          text: 'Embedded resource content for testing.',
        },
      },
      text('Please process the embedded resource above.'),
    ),
  test_prompt_with_image: () => says(image, text('Please analyze the image above.')),
};
const promptArguments = {
  test_prompt_with_arguments: ['arg1', 'arg2'],
  test_prompt_with_embedded_resource: ['resourceUri'],
};

function read(uri) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  const found = id === undefined ? resources[uri] : { mimeType: 'application/json', text: data };
  return { contents: [{ uri, ...found }] };
}

const answers = {
  'tools/list': () => ({
    tools: [
      ...Object.keys(tools).map((name) => ({
        name,
        description: `Fixture ${name}`,
        inputSchema: { type: 'object', properties: {} },
      })),
      {
        name: 'json_schema_2020_12_tool',
        description: 'Tool with JSON Schema 2020-12 features',
        inputSchema: schema2020,
      },
    ],
  }),
  'tools/call': ({ name, _meta }, { sendNotification }) => tools[name]({ _meta, sendNotification }),
  'resources/list': () => ({
    resources: Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri, mimeType })),
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [
      { uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' },
    ],
  }),
  'resources/read': ({ uri }) => read(uri),
  'prompts/list': () => ({
    prompts: Object.keys(prompts).map((name) => ({
      name,
      description: `Fixture ${name}`,
      arguments: (promptArguments[name] ?? []).map((each) => ({ name: each, required: true })),
    })),
  }),
  'prompts/get': ({ name, arguments: given }) => prompts[name](given ?? {}),
  'completion/complete': () => ({
    completion: { values: ['paris', 'park', 'party'], total: 150, hasMore: false },
  }),
};

const server = new Server(
  { name: 'conformance-fixture', version: '1.0.0' },
  { capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} } },
);
// The fallback, because it passes a schema on as it is written.
server.fallbackRequestHandler = async ({ method, params }, extra) => answers[method](params ?? {}, extra);
await server.connect(new StdioServerTransport());
