import express, { type Request, type Router } from 'express';
import { ToolturnError } from '../core/errors';
import type { TurnLog } from '../core/turn-log';

const defaultLimit = 50;
const maxLimit = 500;

/**
 * What is known of recent turns: `GET /turns` lists them, newest first (`limit`, `conversation`),
 * with `tools=true` what their calls came to by tool as well; `GET /turns/<id>` shows
 * one with its rounds and calls, by our id or LiteLLM's id of the request.
 */
export function turnRoutes(turns: TurnLog): Router {
  const router = express.Router();
  router.get('/', (req, res) => {
    const { conversation, tools } = req.query;
    const named = typeof conversation === 'string' && conversation !== '' ? conversation : undefined;
    const listed = { turns: turns.recent(limitIn(req.query['limit']), named) };
    res.json(tools === 'true' ? { ...listed, tools: turns.tools() } : listed);
  });
  router.get('/:id', (req: Request<{ id: string }>, res) => {
    const record = turns.find(req.params.id);
    if (record === undefined)
      throw new ToolturnError('not_found', 'No such turn is remembered by this replica.');
    res.json(record);
  });
  return router;
}

function limitIn(written: unknown): number {
  if (written === undefined) return defaultLimit;
  const limit = typeof written === 'string' && /^\d{1,4}$/.test(written) ? Number(written) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw new ToolturnError('bad_request', `limit must be a whole number from 1 to ${maxLimit}.`);
}
