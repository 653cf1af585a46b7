import { z } from 'zod';
import type { HttpApi } from '../../../kit/src/http';
import { defineTool, ToolFailure } from '../../../kit/src/tool';
import { workflowId } from '../inputs';
import type { N8n } from '../n8n';
import { webhookOf } from '../webhook';

/** `execute_workflow`: runs a workflow through its webhook. Offered only where writing is allowed. */
export const executeWorkflowTool = (n8n: N8n, webhooks: HttpApi, header: [string, string] | undefined) =>
  defineTool({
    name: 'execute_workflow',
    description: 'Runs an active workflow through its Webhook node and gives what it answers.',
    input: z.object({
      workflow_id: workflowId,
      data: z.record(z.string(), z.unknown()).default({}).describe('What the workflow gets'),
      webhook: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe('Name of the Webhook node, where there are several'),
      method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).optional(),
    }),
    writes: true,
    async run({ workflow_id, data, webhook: named, method: wanted }, signal) {
      const webhook = webhookOf(await n8n.workflow(workflow_id, signal), named, wanted);
      if (webhook.authentication !== 'none' && header === undefined) {
        throw new ToolFailure(
          `The webhook ${webhook.node} asks for authentication (${webhook.authentication}), and this server has no N8N_WEBHOOK_HEADER.`,
        );
      }
      const inBody = ['POST', 'PUT', 'PATCH'].includes(webhook.method);
      const { status, text } = await webhooks
        .send(webhook.method, `/webhook/${webhook.path}`, {
          ...(inBody ? { body: data } : { query: asQuery(data) }),
          ...(webhook.authentication === 'none' || header === undefined
            ? {}
            : { headers: { [header[0]]: header[1] } }),
          signal,
        })
        .catch((error: unknown) => {
          if (!(error instanceof ToolFailure)) throw error;
          throw new ToolFailure(`${error.message} It may have run all the same: list_executions shows it.`);
        });
      if (status >= 400)
        throw new ToolFailure(`The workflow answered ${status}: ${text.trim().slice(0, 500)}`);
      return { status, answer: parsed(text) };
    },
  });

/** A workflow may answer with anything. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const asQuery = (data: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
