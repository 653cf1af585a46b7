import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ChunkSink, PostCallAnswer, TurnHooks } from '../core/hooks';
import type { RepeatMark } from '../core/repeat-mark';
import type { JsonObject } from '../core/json';
import type { Log } from '../core/ports';
import { readJson, sendJson } from './body';
import { eachTurn, goneSignal, ndjson } from './open-request';
import { parsePostCall, parsePreCall, parseStreamHead } from './payload';
import { fail, refusalLine } from './refuse';
import { checkSecret } from './secret';

/** The line that says a stream is complete; without it the door knows that it was cut off. */
const endLine = '[DONE]';

export interface HookDeps {
  readonly service: TurnHooks;
  /** Those of the door that hold now. */
  readonly secrets: () => readonly string[];
  /** A request had no valid secret. */
  readonly refused: () => void;
  /** The longest body, or line of one, as it holds now. */
  readonly bodyBytes: () => number;
  /** Aborted when hook-service stops: no turn begins on a request that is open already. */
  readonly stop: AbortSignal;
  readonly log: Log;
}

type Hook = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/**
 * Answers the three hooks that the door calls, and says whether a request was one of them. On node:http alone: every turn
 * passes here, and a router with its body parser costs more than reading the request (BENCHMARKS.md).
 */
export function hookListener(deps: HookDeps): (req: IncomingMessage, res: ServerResponse) => boolean {
  const hooks = new Map<string | undefined, Hook>([
    ['/hooks/pre-call', (req, res) => preCall(deps, req, res)],
    ['/hooks/post-call', (req, res) => postCall(deps, req, res)],
    ['/hooks/stream', (req, res) => stream(deps, req, res)],
  ]);
  return (req, res) => {
    const hook = req.method === 'POST' ? hooks.get(req.url) : undefined;
    if (hook === undefined) return false;
    void answer(deps, hook, req, res);
    return true;
  };
}

/** A request that stays open may outlive its secret. */
const check = ({ secrets, refused }: HookDeps, req: IncomingMessage): void =>
  checkSecret(secrets(), req.headers, { onRefused: refused });

async function answer(deps: HookDeps, hook: Hook, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    check(deps, req);
    await hook(req, res);
  } catch (error) {
    fail(res, deps.log, req.url ?? '', error);
  }
}

async function preCall(
  { service, bodyBytes }: HookDeps,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const answered = await service.preCall(parsePreCall(await readJson(req, bodyBytes())));
  if (answered.action === 'wait')
    return sendJson(res, 200, { action: 'wait', deadline: answered.deadlineSeconds });
  if (answered.action !== 'arm') return sendJson(res, 200, answered);
  const { mark, deadlineSeconds, ...patch } = answered;
  sendJson(res, 200, {
    ...patch,
    // An older hook-service reads a body to its end before it begins, and asks LiteLLM itself.
    asks: true,
    // When the turn is over another one may begin on that request.
    stays: true,
    turn: {
      turn: mark.turn,
      client_tools: mark.clientTools,
      place: mark.place,
      wants_usage: mark.wantsUsage,
      selection: mark.selection,
      surface: mark.surface,
      ...(mark.repeat === undefined ? {} : { repeat: repeatOf(mark.repeat) }),
      config: mark.config,
      conversation: mark.conversation,
      restored: mark.restored,
    },
    deadline: deadlineSeconds,
  });
}

async function postCall(deps: HookDeps, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { service, bodyBytes } = deps;
  if (req.headers['content-type'] === ndjson) return postCalls(deps, req, res);
  const { request, mark, response } = parsePostCall(await readJson(req, bodyBytes()));
  sendJson(res, 200, answeredWith(await service.postCall(request, mark, response, goneSignal(res))));
}

function postCalls(deps: HookDeps, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { service, log } = deps;
  return eachTurn(req, res, deps, async (head, turn) => {
    try {
      check(deps, req);
      const { request, mark, response, runs } = parsePostCall(head);
      const door = turn.open(mark.turn, runs);
      const answered = await service.postCall(request, mark, response, turn.gone, door);
      return JSON.stringify(answeredWith(answered));
    } catch (error) {
      if (!res.headersSent) throw error;
      // Its status is sent: another turn had an answer on this request, or something was asked on it.
      return JSON.stringify(refusalLine(log, req.url ?? '', error));
    }
  });
}

function answeredWith(answered: PostCallAnswer | undefined): object {
  if (answered === undefined) return { action: 'pass' };
  const headers = {
    'x-toolturn-rounds': String(answered.rounds),
    'x-toolturn-calls': String(answered.calls),
    ...(answered.limit === undefined ? {} : { 'x-toolturn-limit': answered.limit }),
  };
  return { action: 'replace', response: answered.response, headers };
}

function stream(deps: HookDeps, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { service } = deps;
  return eachTurn(req, res, deps, async (head, turn) => {
    check(deps, req);
    const { request, mark, seen, runs } = parseStreamHead(head);
    if (!res.headersSent) res.writeHead(200, { 'content-type': ndjson }).flushHeaders();
    const { chunks, carrier } = turn.open(mark.turn, runs);
    await service.stream(request, mark, seen, chunks, lineSink(res), turn.gone, carrier);
    return endLine;
  });
}

const repeatOf = ({ state, at, isMarked, isRetry }: RepeatMark) => ({
  state,
  at,
  is_marked: isMarked,
  is_retry: isRetry,
});

/**
 * One line per chunk, those together that came together: whoever reads them needs as long for several as for one. Waits for
 * a slow reader instead of collecting what it does not read.
 */
function lineSink(res: ServerResponse): ChunkSink {
  return {
    async write(chunk: JsonObject) {
      if (res.destroyed) return;
      if (res.writableCorked === 0) {
        res.cork();
        setImmediate(() => res.uncork());
      }
      if (!res.write(`${JSON.stringify(chunk)}\n`)) await drained(res);
    },
  };
}

/** Resolves when more may be written, or nobody reads any more. Leaves no listener: it would hold what was written. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}
