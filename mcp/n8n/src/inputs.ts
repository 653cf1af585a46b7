import { z } from 'zod';

/** Inputs that several tools have. */
export const workflowId = z
  .string()
  .min(1)
  .max(100)
  .describe('Id of the workflow, as list_workflows gives it');
export const limit = z.number().int().min(1).max(250).default(50);
export const cursor = z.string().min(1).max(2000).optional().describe('The next_cursor of the page before');
