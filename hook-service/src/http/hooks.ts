import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBelonging } from '../core/belonging';
import { EarlyAnswers } from '../core/early-answers';
import type { ChunkSink, PostCallAnswer, TurnHooks } from '../core/hooks';
import type { RepeatMark } from '../core/repeat-mark';
import type { JsonObject } from '../core/json';
import { ToolturnError } from '../core/errors';
import type { Log } from '../core/ports';
import { readJson, sendJson } from './body';
import { jsonLines, readLines, type LineReader } from './lines';
import { parsePostCall, parsePreCall, parseStreamHead, parseToldAnswer } from './payload';
import { fail } from './refuse';
import { checkSecret } from './secret';

/** The line that says a stream is complete; without it the door knows that it was cut off. */
const endLine = '[DONE]\n';

export interface HookDeps {
  readonly service: TurnHooks;
  /** Those of the door that hold now. */
  readonly secrets: () => readonly string[];
  /** A request had no valid secret. */
  readonly refused: () => void;
  readonly bodyBytes: number;
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

async function answer(deps: HookDeps, hook: Hook, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    checkSecret(deps.secrets(), req.headers, { onRefused: deps.refused });
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
  const answered = await service.preCall(parsePreCall(await readJson(req, bodyBytes)));
  if (answered.action === 'wait')
    return sendJson(res, 200, { action: 'wait', deadline: answered.deadlineSeconds });
  if (answered.action !== 'arm') return sendJson(res, 200, answered);
  const { mark, deadlineSeconds, ...patch } = answered;
  sendJson(res, 200, {
    ...patch,
    // An older hook-service reads a body to its end before it begins.
    listens: true,
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
  const { service, bodyBytes, log } = deps;
  const isOpen = req.headers['content-type'] === 'application/x-ndjson';
  // Where the door has gone the turn is ended by that; a line that is lost costs some milliseconds.
  const broken = (error: unknown): void => log.debug('the door tells no more answers early', { error });
  const lines = isOpen ? readLines(req, bodyBytes, broken) : undefined;
  const { request, mark, response } = parsePostCall(await (lines?.first ?? readJson(req, bodyBytes)));
  const early = lines && toldEarly(mark.turn, lines);
  const answered = await service.postCall(request, mark, response, goneSignal(res), early);
  sendLine(req, res, answeredWith(answered));
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

/** What the door writes on the request behind its first line: answers to the turn's continuations. */
function toldEarly(turn: string, lines: LineReader): EarlyAnswers {
  const early = new EarlyAnswers();
  lines.onLine = (line) => {
    const { of, response } = parseToldAnswer(line);
    const at = readBelonging(of);
    if (at?.turn === turn) early.tell(at.round, response);
  };
  return early;
}

async function firstLine(lines: AsyncGenerator<JsonObject>): Promise<JsonObject> {
  const head = await lines.next();
  if (head.done === true) throw new ToolturnError('bad_request', 'The stream has no first line.');
  return head.value;
}

/** How long the door may need to end a request that was answered, in milliseconds. */
const endMs = 1_000;

/** Answers a request that may still be open: its connection can be used again only when it has ended before the answer. */
function sendLine(req: IncomingMessage, res: ServerResponse, body: object): void {
  if (req.complete) return sendJson(res, 200, body);
  res.writeHead(200, { 'content-type': 'application/x-ndjson' }).write(`${JSON.stringify(body)}\n`);
  const end = (): void => {
    clearTimeout(late);
    res.end();
  };
  const late = setTimeout(end, endMs);
  req.once('end', end).once('close', end);
}

async function stream(
  { service, bodyBytes }: HookDeps,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const lines = jsonLines(req as AsyncIterable<Buffer>, bodyBytes);
  const { request, mark, seen } = parseStreamHead(await firstLine(lines));
  res.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
  await service.stream(request, mark, seen, lines, lineSink(res), goneSignal(res));
  res.end(endLine);
}

const repeatOf = ({ state, at, isMarked, isRetry }: RepeatMark) => ({
  state,
  at,
  is_marked: isMarked,
  is_retry: isRetry,
});

/** Aborted when the door hangs up before the answer is complete. */
function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new ToolturnError('upstream_failed', 'The caller has gone.'));
  });
  return gone.signal;
}

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
