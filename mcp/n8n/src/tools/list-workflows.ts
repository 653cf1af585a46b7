import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { N8n, Workflow } from '../n8n';
import { triggersOf } from '../webhook';
import { cursor, limit } from '../inputs';

/** `list_workflows`: what there is, by name. */
export const listWorkflowsTool = (n8n: N8n) =>
  defineTool({
    name: 'list_workflows',
    description: 'Lists the workflows of n8n with their state, tags and what starts them.',
    input: z.object({
      active: z.boolean().optional().describe('Only those that are switched on, or off'),
      name: z.string().min(1).max(200).optional().describe('Only those of this name'),
      tags: z
        .array(z.string().min(1).max(100))
        .max(20)
        .optional()
        .describe('Only those with all of these tags'),
      limit,
      cursor,
    }),
    async run({ active, name, tags, limit, cursor }, signal) {
      const query = { active, name, tags: tags?.join(','), limit, cursor, excludePinnedData: true };
      const { items, nextCursor } = await n8n.workflows(query, signal);
      return { workflows: items.map(summaryOf), next_cursor: nextCursor ?? null };
    },
  });

/** What a workflow is, without what its nodes do. */
export const summaryOf = (workflow: Workflow) => ({
  id: workflow.id,
  name: workflow.name,
  active: workflow.active,
  tags: (workflow.tags ?? []).map(({ name }) => name),
  updated_at: workflow.updatedAt ?? null,
  nodes: workflow.nodes.length,
  starts_with: triggersOf(workflow).map(({ name, type }) => `${name} (${type})`),
});
