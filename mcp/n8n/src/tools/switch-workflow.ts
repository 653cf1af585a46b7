import { z } from 'zod';
import { defineTool, type Tool } from '../../../kit/src/tool';
import { workflowId } from '../inputs';
import type { N8n } from '../n8n';
import { summaryOf } from './list-workflows';

/** `activate_workflow` and `deactivate_workflow`. Offered only where writing is allowed. */
export const switchWorkflowTools = (n8n: N8n): Tool[] =>
  [true, false].map((on) =>
    defineTool({
      name: on ? 'activate_workflow' : 'deactivate_workflow',
      description: on
        ? 'Switches a workflow on: from then on its triggers start it.'
        : 'Switches a workflow off: its triggers start it no more.',
      input: z.object({ workflow_id: workflowId }),
      writes: true,
      run: async ({ workflow_id }, signal) => summaryOf(await n8n.switch(workflow_id, on, signal)),
    }),
  );
