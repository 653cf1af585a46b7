import express, { type Router } from 'express';
import type { Spending } from '../core/spending';
import type { TicketRequest } from '../core/ticket';
import { parseLogReport } from './log-payload';

export interface LogDeps {
  readonly spending: Spending;
  /** Told of what the door counts while hook-service is away. */
  readonly missed: (requests: number) => void;
  readonly dropped: (calls: number) => void;
  /** Told of each request that the door answered by a ticket. */
  readonly requested: (request: TicketRequest) => void;
}

/** Where LiteLLM's log of model calls arrives: from the door, and from LiteLLM's `generic_api` callback. */
export function logRoutes({ spending, missed, dropped, requested }: LogDeps, bodyBytes: number): Router {
  const router = express.Router();
  router.post('/log', express.json({ limit: bodyBytes, type: () => true }), (req, res) => {
    const report = parseLogReport(req.body);
    // A model's call is told of behind the request that it answers.
    for (const request of report.requests) requested(request);
    for (const call of report.calls) spending.logged(call);
    missed(report.missed);
    dropped(report.dropped);
    res.status(204).end();
  });
  return router;
}

/** The page for Prometheus. */
export function metricsRoute(page: () => Promise<{ readonly type: string; readonly text: string }>): Router {
  const router = express.Router();
  router.get('/', async (_req, res) => {
    const { type, text } = await page();
    res.set('cache-control', 'no-store').set('content-type', type).send(text);
  });
  return router;
}
