// The stdio MCP server that the official server suite expects to find, by the names of its scenarios (SDK 1.x).
// What would ask the client something (sampling, elicitation) is left out: Toolturn's clients cannot be asked.
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: png, mimeType: 'image/png' };

const server = new McpServer(
  { name: 'conformance-fixture', version: '1.0.0' },
  { capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} } },
);

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
    throw new Error('This tool intentionally returns an error for testing');
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
for (const [name, run] of Object.entries(tools)) {
  server.registerTool(name, { description: `Fixture ${name}` }, run);
}

const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
  },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
};
server.server.setRequestHandler(ListToolsRequestSchema, () => ({
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
}));

server.registerResource('static-text', 'test://static-text', { mimeType: 'text/plain' }, ({ href }) => ({
  contents: [{ uri: href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
}));
server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, ({ href }) => ({
  contents: [{ uri: href, mimeType: 'image/png', blob: png }],
}));
server.registerResource(
  'template',
  new ResourceTemplate('test://template/{id}/data', { list: undefined }),
  { mimeType: 'application/json' },
  ({ href }, { id }) => ({
    contents: [
      {
        uri: href,
        mimeType: 'application/json',
        text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
      },
    ],
  }),
);

const says = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
server.registerPrompt('test_simple_prompt', { description: 'A simple prompt' }, () =>
  says(text('This is a simple prompt for testing.')),
);
const argument = () => completable(z.string(), () => ['paris', 'park', 'party']);
server.registerPrompt(
  'test_prompt_with_arguments',
  { description: 'A prompt with arguments', argsSchema: { arg1: argument(), arg2: z.string() } },
  ({ arg1, arg2 }) => says(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
);
server.registerPrompt(
  'test_prompt_with_embedded_resource',
  { description: 'A prompt with a resource', argsSchema: { resourceUri: z.string() } },
  ({ resourceUri }) =>
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
);
server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image' }, () =>
  says(image, text('Please analyze the image above.')),
);

await server.connect(new StdioServerTransport());
