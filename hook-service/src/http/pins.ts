import express, { type Router } from 'express';
import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import type { ToolPins } from '../core/tool-pins';

/** What the routes for pins need. */
export interface PinsDeps {
  readonly pins: Pick<ToolPins, 'changes' | 'accept'>;
  /** Warnings about the tools of the present catalog, by `warningKey`. */
  readonly warnings: () => ReadonlyMap<string, readonly string[]>;
}

const acceptance = z.object({
  accept: z.array(z.object({ server: z.string(), tool: z.string(), digest: z.string() })).max(10_000),
});

/** `GET /changes`: what differs from the pins, and warnings. `POST /accept`: pins what somebody has seen. */
export function pinRoutes({ pins, warnings }: PinsDeps): Router {
  const router = express.Router();
  router.get('/changes', (_req, res) => {
    const odd = [...warnings()].map(([key, texts]) => {
      const [server = '', tool = ''] = JSON.parse(key) as string[];
      return { server, tool, warnings: texts };
    });
    res.json({ changes: pins.changes(), warnings: odd });
  });
  router.post('/accept', express.json({ limit: '4mb' }), (req, res, next) => {
    const parsed = acceptance.safeParse(req.body);
    if (!parsed.success) {
      throw new ToolturnError('bad_request', 'Send {"accept": [{"server", "tool", "digest"}]}.');
    }
    pins.accept(parsed.data.accept).then(({ done, refused }) => {
      const names = ({ server, tool }: { server: string; tool: string }) => ({ server, tool });
      res.json({ accepted: done.map(names), refused: refused.map(names) });
    }, next);
  });
  return router;
}
