import express, { type Request, type Router } from 'express';
import { z } from 'zod';
import { decideAs, listQuestions, type ApprovalDesk } from '../core/approval-desk';
import { ToolturnError } from '../core/errors';

const decided = z.strictObject({
  decision: z.enum(['approve', 'decline']),
  /** For the model. */
  reason: z.string().max(500).exactOptional(),
  /** Who decides, as they say. */
  by: z.string().max(64).exactOptional(),
  via: z.enum(['cli', 'http']).default('http'),
});

/**
 * `GET /approvals`: questions that wait, and decisions that their conversations have not seen. `POST /approvals/<code>`
 * with `{"decision": "approve" | "decline", "reason", "by"}` decides; 409 where somebody has decided otherwise before.
 */
export function approvalRoutes(approvals: ApprovalDesk): Router {
  const router = express.Router();
  router.get('/', async (_req, res) => {
    res.json({ approvals: await listQuestions(approvals) });
  });
  router.post('/:code', express.json({ limit: '16kb' }), async (req: Request<{ code: string }>, res) => {
    const { code } = req.params;
    const read = decided.safeParse(req.body);
    if (!read.success)
      throw new ToolturnError('bad_request', 'Send {"decision": "approve" or "decline", "reason", "by"}.');
    const { decision, reason, by, via } = read.data;
    res.json(
      await decideAs(approvals, code, decision, { via, ...(by === undefined ? {} : { name: by }) }, reason),
    );
  });
  return router;
}
