#!/usr/bin/env node
import { z } from 'zod';
import { address, commonEnvironment, readEnvironment, wholeNumber } from '../../kit/src/environment';
import { HttpApi } from '../../kit/src/http';
import { serveOptions } from '../../kit/src/options';
import { runMain } from '../../kit/src/serve';
import { N8n } from './n8n';
import { executeWorkflowTool } from './tools/execute-workflow';
import { getExecutionTool } from './tools/get-execution';
import { getWorkflowTool } from './tools/get-workflow';
import { listExecutionsTool } from './tools/list-executions';
import { listWorkflowsTool } from './tools/list-workflows';
import { switchWorkflowTools } from './tools/switch-workflow';

const name = 'mcp-n8n';

/** The workflows of one n8n: reading, and where writing is allowed, switching and running them. */
void runMain(name, async (log) => {
  const env = readEnvironment(
    {
      ...commonEnvironment,
      N8N_API_URL: address('http:', 'https:'),
      N8N_API_KEY: z.string(),
      /** Where webhooks listen, if not where the API does. */
      N8N_WEBHOOK_URL: address('http:', 'https:').optional(),
      /** `Name: value`, for webhooks that ask for a header. */
      N8N_WEBHOOK_HEADER: z
        .string()
        .regex(/^[A-Za-z0-9-]+: ?\S.*$/, { error: 'must be a header, as "Name: value"' })
        .optional(),
      N8N_TIMEOUT_SECONDS: wholeNumber(1, 300).default(60),
    },
    process.env,
  );
  const api = new HttpApi({
    name: 'n8n',
    url: env.N8N_API_URL,
    headers: { 'x-n8n-api-key': env.N8N_API_KEY },
    timeoutMs: 20_000,
    log,
  });
  const webhooks = new HttpApi({
    name: 'The workflow',
    url: env.N8N_WEBHOOK_URL ?? env.N8N_API_URL,
    timeoutMs: env.N8N_TIMEOUT_SECONDS * 1000,
    log,
  });
  const n8n = new N8n(api);
  const header = env.N8N_WEBHOOK_HEADER?.split(/: ?(.*)/s);
  const credentials: [string, string] | undefined =
    header === undefined ? undefined : [header[0] ?? '', header[1] ?? ''];
  return {
    service: {
      tools: [
        listWorkflowsTool(n8n),
        getWorkflowTool(n8n),
        listExecutionsTool(n8n),
        getExecutionTool(n8n),
        ...(env.MCP_ALLOW_WRITE
          ? [executeWorkflowTool(n8n, webhooks, credentials), ...switchWorkflowTools(n8n)]
          : []),
      ],
      dependencies: { n8n: () => api.check('/healthz') },
      close: async () => undefined,
    },
    options: serveOptions(name, env),
  };
});
