import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import { workflowId } from '../inputs';
import type { N8n } from '../n8n';
import { summaryOf } from './list-workflows';

/** `get_workflow`: the nodes of a workflow and how they are connected. */
export const getWorkflowTool = (n8n: N8n) =>
  defineTool({
    name: 'get_workflow',
    description: 'Shows one workflow: its nodes and connections, and on demand the parameters of its nodes.',
    input: z.object({
      workflow_id: workflowId,
      parameters: z.boolean().default(false).describe('Also the parameters of each node'),
    }),
    async run({ workflow_id, parameters }, signal) {
      const workflow = await n8n.workflow(workflow_id, signal);
      const nodes = workflow.nodes.map((node) => ({
        name: node.name,
        type: node.type,
        ...(node.disabled === true ? { disabled: true } : {}),
        ...(typeof node.notes === 'string' && node.notes !== '' ? { notes: node.notes } : {}),
        ...(parameters ? { parameters: node.parameters } : {}),
      }));
      return { ...summaryOf(workflow), nodes, connections: workflow.connections };
    },
  });
