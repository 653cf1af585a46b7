import express, { type Router } from 'express';
import { z } from 'zod';
import type { AuditEntry, AuditGap, AuditQuery } from '../core/audit';
import { ToolturnError } from '../core/errors';

export type FindAudit = (query: AuditQuery) => Promise<readonly (AuditEntry | AuditGap)[]>;

const maxLimit = 10_000;
const word = z.string().min(1).max(128).optional();
const asked = z.object({
  since: z.coerce.number().int().min(0).optional(),
  who: word,
  tool: word,
  decision: z
    .enum(['allowed', 'denied', 'limited', 'not_run', 'asked', 'approved', 'declined', 'expired'])
    .optional(),
  limit: z.coerce.number().int().min(1).max(maxLimit).default(100),
});

/** `GET /audit`: the trail of calls of all replicas, newest first (`since` in milliseconds since 1970, `who`, `tool`, `decision`, `limit`). */
export function auditRoutes(find: FindAudit): Router {
  const router = express.Router();
  router.get('/', async (req, res) => {
    const query = asked.safeParse(req.query);
    if (!query.success) {
      const [issue] = query.error.issues;
      throw new ToolturnError('bad_request', `${issue?.path.join('.')}: ${issue?.message}`);
    }
    let entries: readonly (AuditEntry | AuditGap)[];
    try {
      entries = await find(query.data as AuditQuery);
    } catch (error) {
      throw new ToolturnError('upstream_failed', 'The audit trail cannot be read: Redis does not answer.', {
        cause: error,
        status: 503,
      });
    }
    res.json({ entries });
  });
  return router;
}
