import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import { cursor, limit, workflowId } from '../inputs';
import type { Execution, N8n } from '../n8n';

/** `list_executions`: what ran, newest first. */
export const listExecutionsTool = (n8n: N8n) =>
  defineTool({
    name: 'list_executions',
    description: 'Lists executions of workflows, newest first, of all workflows or of one.',
    input: z.object({
      workflow_id: workflowId.optional(),
      status: z.enum(['error', 'success', 'waiting', 'running', 'canceled']).optional(),
      limit,
      cursor,
    }),
    async run({ workflow_id, status, limit, cursor }, signal) {
      const query = { workflowId: workflow_id, status, limit, cursor, includeData: false };
      const { items, nextCursor } = await n8n.executions(query, signal);
      return { executions: items.map(summaryOf), next_cursor: nextCursor ?? null };
    },
  });

/** How an execution went. Older versions of n8n tell it by `finished` alone. */
export const summaryOf = (execution: Execution) => ({
  id: execution.id,
  workflow_id: execution.workflowId ?? null,
  status: execution.status ?? (execution.finished === true ? 'success' : 'unknown'),
  mode: execution.mode ?? null,
  started_at: execution.startedAt ?? null,
  stopped_at: execution.stoppedAt ?? null,
});
