import express, { type NextFunction, type Request, type Response } from 'express';
import type { RequestListener } from 'node:http';
import type { ApprovalDesk } from '../core/approval-desk';
import { ToolturnError } from '../core/errors';
import type { Log, PartHealth } from '../core/ports';
import type { TurnHooks } from '../core/hooks';
import type { Tickets } from '../core/ticket';
import type { TurnLog } from '../core/turn-log';
import type { Callers } from '../core/callers';
import type { McpEndpoint } from '../core/mcp-endpoint';
import type { ToolDoor } from '../core/tool-door';
import { approvalRoutes } from './approvals';
import { auditRoutes, type FindAudit } from './audit';
import { followRoute } from './follow';
import { guardrailPath, guardrailRoutes, type JudgeGuarded } from './guardrail';
import { hookListener } from './hooks';
import { mcpRoutes } from './mcp';
import { logRoutes, metricsRoute, type LogDeps } from './metrics';
import { checkOrigin, type OriginPolicy } from './origin';
import { PartTimes } from './part-times';
import { pinRoutes, type PinsDeps } from './pins';
import { fail } from './refuse';
import { requireSecret } from './secret';
import { toolRoutes } from './tools';
import { turnRoutes } from './turns';

export interface AppDeps {
  readonly service: TurnHooks;
  /** Which tickets hold. */
  readonly tickets: Tickets;
  readonly turns: TurnLog;
  readonly audit: FindAudit;
  /** Where people elsewhere decide about calls. */
  readonly approvals: ApprovalDesk;
  /** LiteLLM's Generic Guardrail API. */
  readonly judge: JudgeGuarded;
  readonly pins: PinsDeps;
  /** Tools without a turn. */
  readonly door: ToolDoor;
  readonly callers: Callers;
  /** Toolturn as an MCP server; absent: switched off. */
  readonly endpoint?: McpEndpoint;
  readonly metrics: MetricsDeps;
  readonly origins: OriginPolicy;
  /** Those of the door that hold now. */
  readonly secrets: () => readonly string[];
  readonly bodyBytes: number;
  /** The same as it is now: a request of the door's stays open while the config changes. */
  readonly bodyBytesNow: () => number;
  /** Every part of readiness by name. */
  readonly health: () => Record<string, PartHealth>;
  /** Tells whoever watches what they have not heard yet. */
  readonly settle: () => void;
  /** Aborted once a stop has begun. */
  readonly stop: AbortSignal;
  readonly log: Log;
}

/** What is counted over HTTP, and where it is shown. */
export interface MetricsDeps {
  readonly log: LogDeps;
  /** A request to the hooks had no valid secret. */
  readonly refused: () => void;
  /** `/metrics`; absent: switched off. */
  readonly page?: {
    /** True: no secret is asked for. */
    readonly public: boolean;
    readonly read: () => Promise<{ readonly type: string; readonly text: string }>;
  };
}

/** A part in one of these states is worth a look but does not keep turns from working. */
const usable = new Set<PartHealth['state']>(['ready', 'disabled', 'degraded']);

/** How often the states of the parts are looked at. */
const stateLookMs = 1_000;

/** All that hook-service serves on its port: the hooks, health, and what is known of recent turns. */
export function createListener(deps: AppDeps): RequestListener {
  const answersHook = hookListener({ ...deps, bodyBytes: deps.bodyBytesNow, refused: deps.metrics.refused });
  const app = createApp(deps);
  return (req, res) => {
    // A connection that is kept would keep a stopping replica in use.
    if (deps.stop.aborted) res.setHeader('connection', 'close');
    if (!answersHook(req, res)) app(req, res);
  };
}

function createApp(deps: AppDeps): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  const { metrics } = deps;
  app.use(
    '/hooks',
    requireSecret(deps.secrets, { onRefused: metrics.refused }),
    logRoutes(metrics.log, deps.bodyBytes),
    followRoute(deps.tickets),
  );

  app.use((_req, _res, next) => {
    // Who asks what has happened sees all of it.
    deps.settle();
    next();
  });

  app.get('/health/live', (_req, res) => {
    res.json({ status: 'live' });
  });

  const times = new PartTimes();
  // So that `since` is right within seconds, however seldom somebody asks.
  const looking = setInterval(() => {
    if (deps.stop.aborted) clearInterval(looking);
    else times.note(deps.health());
  }, stateLookMs).unref();
  app.get('/health/ready', (_req, res) => {
    const parts = times.note(deps.health());
    const accepting = !deps.stop.aborted;
    // A missing server or store costs what depends on it, not the turn: only a stop makes a replica unready.
    const status = !accepting
      ? 'stopping'
      : Object.values(parts).every((part) => usable.has(part.state))
        ? 'ready'
        : 'degraded';
    res.status(accepting ? 200 : 503).json({ status, turns_in_flight: deps.service.inFlight, parts });
  });

  const guarded = requireSecret(deps.secrets);
  app.use(
    guardrailPath,
    requireSecret(deps.secrets, { apiKey: true, onRefused: metrics.refused }),
    guardrailRoutes(deps.judge, deps.bodyBytes),
  );
  if (metrics.page !== undefined) {
    const open = metrics.page.public ? [] : [requireSecret(deps.secrets, { bearer: true })];
    app.use('/metrics', ...open, metricsRoute(metrics.page.read));
  }
  app.use('/admin/tools', guarded, pinRoutes(deps.pins));
  app.use('/approvals', guarded, approvalRoutes(deps.approvals));
  app.use('/turns', guarded, turnRoutes(deps.turns));
  app.use('/audit', guarded, auditRoutes(deps.audit));

  const local = checkOrigin(deps.origins);
  app.use('/v1/tools', local, toolRoutes(deps));
  const { endpoint } = deps;
  if (endpoint !== undefined) app.use('/mcp', mcpRoutes({ ...deps, endpoint, before: local }));

  app.use(() => {
    throw new ToolturnError('not_found', 'There is nothing at this path.');
  });
  app.use(errorHandler(deps.log));
  return app;
}

function errorHandler(log: Log) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void =>
    fail(res, log, req.path, error);
}
