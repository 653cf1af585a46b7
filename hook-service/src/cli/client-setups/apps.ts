/** Applications with a window of their own. */
import type { ClientSetup } from './setup';

const openWebUi: ClientSetup = {
  id: 'open-webui',
  title: 'Open WebUI',
  api: 'chat completions',
  model: 'demo',
  notes: [
    'The same can be set under Admin Settings, Connections; what was saved there once takes the place of these variables.',
    'Which servers it is offered is chosen by a header of the connection, for example `x-mcp-servers: db`.',
  ],
  setup: ({ url, key, model }) => ({
    env: {
      ENABLE_OLLAMA_API: 'false',
      ENABLE_OPENAI_API: 'true',
      OPENAI_API_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: key,
      DEFAULT_MODELS: model,
    },
  }),
};

const vsCode: ClientSetup = {
  id: 'vs-code',
  title: 'VS Code, and any other MCP client',
  api: 'MCP',
  model: '',
  notes: [
    'This is LiteLLM’s own MCP endpoint: the client runs the calls itself, beside Toolturn. A header `x-mcp-servers` chooses servers.',
    'LiteLLM 1.77.3 lists no tools of servers that refuse its doubled version header over streamable HTTP; over stdio and SSE it does.',
  ],
  setup: ({ url, key }) => ({
    files: {
      '<workspace>/.vscode/mcp.json': `${JSON.stringify(
        {
          servers: {
            litellm: { type: 'http', url: `${url}/mcp/`, headers: { Authorization: `Bearer ${key}` } },
          },
        },
        null,
        2,
      )}\n`,
    },
  }),
};

export const apps: readonly ClientSetup[] = [openWebUi, vsCode];
