import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { N8n } from '../n8n';
import { summaryOf } from './list-executions';

/** Where an execution keeps what happened. */
const data = z.object({
  resultData: z.object({
    error: z.object({ message: z.string().optional(), node: z.unknown().optional() }).nullish(),
    lastNodeExecuted: z.string().nullish(),
    runData: z.record(z.string(), z.array(z.object({ data: z.unknown().optional() }))).default({}),
  }),
});

/** `get_execution`: how one execution went, and on demand what its nodes gave. */
export const getExecutionTool = (n8n: N8n) =>
  defineTool({
    name: 'get_execution',
    description: 'Shows one execution: its state, its error, the last node; on demand what each node gave.',
    input: z.object({
      execution_id: z.string().min(1).max(100),
      results: z.boolean().default(false).describe('Also what each node gave'),
    }),
    async run({ execution_id, results }, signal) {
      const execution = await n8n.execution(execution_id, true, signal);
      const found = data.safeParse(execution.data).data?.resultData;
      const runs = Object.entries(found?.runData ?? {});
      return {
        ...summaryOf(execution),
        error: found?.error?.message ?? null,
        last_node: found?.lastNodeExecuted ?? null,
        ...(results
          ? { results: Object.fromEntries(runs.map(([node, all]) => [node, all.at(-1)?.data ?? null])) }
          : {}),
      };
    },
  });
