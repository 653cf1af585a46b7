import express, { type Request, type Router } from 'express';
import { z } from 'zod';
import type { CallAnswer, ConfigView, DoctorView, Overview, ToolList } from '../../console-page/shapes';
import { decideAs, type ApprovalDesk } from '../core/approval-desk';
import type { Callers } from '../core/callers';
import { ToolturnError } from '../core/errors';
import { showHidden } from '../core/hidden-text';
import { isJsonObject, type JsonObject } from '../core/json';
import type { ToolDoor } from '../core/tool-door';
import type { PinPolicy, ToolPins } from '../core/tool-pins';
import type { HealthWatch } from './health-watch';
import { serverViews } from './server-views';
import { toolDetail, toolRows, type ToolSources } from './tool-views';

export interface ApiDeps {
  readonly watch: HealthWatch;
  readonly tools: ToolSources;
  readonly pins: Pick<ToolPins, 'accept' | 'changes'>;
  readonly pinPolicy: () => PinPolicy;
  readonly door: Pick<ToolDoor, 'visit' | 'tools' | 'call'>;
  readonly callers: Pick<Callers, 'of'>;
  /** What the doctor finds in the config that runs; takes milliseconds. */
  readonly doctor: () => DoctorView;
  readonly config: () => ConfigView;
  /** Limits that are set, by the name of their setting. */
  readonly limits: () => Readonly<Record<string, number>>;
  readonly content: boolean;
  readonly version: string;
  /** Calls that wait for a person. */
  readonly approvals: ApprovalDesk;
  /** Told after a decision about them. */
  readonly onDecided: () => Promise<void>;
  /** Told after a change of the pins. */
  readonly onAccepted: () => void;
}

const callBody = z.object({
  name: z.string().max(200),
  arguments: z.custom<JsonObject>(isJsonObject, { error: 'must be an object' }),
});
const acceptBody = z.object({
  accept: z.array(z.object({ server: z.string(), tool: z.string(), digest: z.string() })).max(10_000),
});

const decisionBody = z.object({
  code: z.string().max(16),
  decision: z.enum(['approve', 'decline']),
  reason: z.string().max(500).exactOptional(),
});

/** A longer result is cut: it is looked at, not used. */
const longestResult = 200_000;
const bodyLimit = '4mb';

/** What the page asks for, as JSON. Who may ask was decided before. */
export function apiRoutes(deps: ApiDeps): Router {
  const router = express.Router();
  const startedAt = Date.now();

  router.get('/overview', (_req, res) => {
    const { watch, version, content } = deps;
    const overview: Overview = {
      now: Date.now(),
      startedAt,
      version,
      content,
      parts: watch.parts(),
      servers: serverViews(deps.tools.servers()),
      limits: deps.limits(),
    };
    res.json(overview);
  });

  router.get('/tools', (_req, res) => {
    const list: ToolList = { tools: toolRows(deps.tools), policy: deps.pinPolicy() };
    res.json(list);
  });

  router.get('/tool', (req, res) => {
    const { server, tool } = req.query;
    const found =
      typeof server === 'string' && typeof tool === 'string'
        ? toolDetail(deps.tools, server, tool)
        : undefined;
    if (found === undefined) throw new ToolturnError('not_found', 'There is no such tool now.');
    res.json(found);
  });

  router.get('/doctor', (_req, res) => {
    res.json(deps.doctor());
  });

  router.get('/config', (_req, res) => {
    res.json(deps.config());
  });

  const json = express.json({ limit: bodyLimit });

  router.post('/accept', json, async (req, res) => {
    const parsed = acceptBody.safeParse(req.body);
    if (!parsed.success)
      throw new ToolturnError('bad_request', 'Send {"accept": [{"server", "tool", "digest"}]}.');
    const { done, refused } = await deps.pins.accept(parsed.data.accept);
    deps.onAccepted();
    res.json({ accepted: done.length, refused: refused.length });
  });

  router.post('/approvals', json, async (req, res) => {
    const parsed = decisionBody.safeParse(req.body);
    if (!parsed.success)
      throw new ToolturnError('bad_request', 'Send {"code", "decision": "approve" or "decline", "reason"}.');
    const { code, decision, reason } = parsed.data;
    const { state } = await decideAs(deps.approvals, code, decision, { via: 'console' }, reason);
    await deps.onDecided();
    res.json({ state });
  });

  router.post('/usable', async (req, res) => {
    const visit = await visitOf(deps, req);
    res.json({ names: deps.door.tools(visit).map(({ name }) => name) });
  });

  router.post('/call', json, async (req, res) => {
    const parsed = callBody.safeParse(req.body);
    if (!parsed.success) throw new ToolturnError('bad_request', 'Send {"name", "arguments": {…}}.');
    const { name, arguments: args } = parsed.data;
    const visit = await visitOf(deps, req);
    const gone = new AbortController();
    res.once('close', () => {
      if (!res.writableFinished) gone.abort();
    });
    const begun = performance.now();
    const result = await deps.door.call(visit, { name, arguments: args, signal: gone.signal });
    if (result === undefined)
      throw new ToolturnError('not_found', 'This key may not use the tool, or it is gone.');
    const text = result.content
      .map((part) => (part.type === 'text' ? part.text : `[${part.type}]`))
      .join('\n');
    const shown = result.structured === undefined ? text : JSON.stringify(result.structured, undefined, 2);
    const answer: CallAnswer = {
      text: showHidden(shown.slice(0, longestResult)),
      ms: Math.round(performance.now() - begun),
      ...(result.failure === undefined ? {} : { failure: result.failure }),
    };
    res.json(answer);
  });
  return router;
}

/** The key that somebody typed: it decides what may be used, and is kept by the page alone. */
async function visitOf({ callers, door }: ApiDeps, req: Request) {
  const key = req.get('x-toolturn-key');
  if (!key) throw new ToolturnError('bad_request', 'Type a LiteLLM key first.');
  const headers = { authorization: `Bearer ${key}` };
  try {
    return await door.visit(await callers.of(headers), headers);
  } catch (error) {
    // 401 is for the console's own session.
    if (error instanceof ToolturnError && error.status === 401)
      throw new ToolturnError('bad_request', `LiteLLM refuses this key: ${error.message}`, { cause: error });
    throw error;
  }
}
