import express, { type Response, type Router } from 'express';
import type { ChunkSink, TurnHooks } from '../core/hooks';
import type { RepeatMark } from '../core/repeat-mark';
import type { JsonObject } from '../core/json';
import { ToolturnError } from '../core/errors';
import { jsonLines } from './lines';
import { parsePostCall, parsePreCall, parseStreamHead } from './payload';

/** The line that says a stream is complete; without it the door knows that it was cut off. */
const endLine = '[DONE]\n';

/** The three hooks the door calls. */
export function hookRoutes(service: TurnHooks, bodyBytes: number): Router {
  const router = express.Router();
  const json = express.json({ limit: bodyBytes, type: () => true });

  router.post('/pre-call', json, async (req, res) => {
    const answer = await service.preCall(parsePreCall(req.body));
    if (answer.action === 'wait') {
      res.json({ action: 'wait', deadline: answer.deadlineSeconds });
      return;
    }
    if (answer.action !== 'arm') {
      res.json(answer);
      return;
    }
    const { mark, deadlineSeconds, ...patch } = answer;
    res.json({
      ...patch,
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
  });

  router.post('/post-call', json, async (req, res) => {
    const { request, mark, response } = parsePostCall(req.body);
    const answer = await service.postCall(request, mark, response, goneSignal(res));
    if (answer === undefined) {
      res.json({ action: 'pass' });
      return;
    }
    const headers = {
      'x-toolturn-rounds': String(answer.rounds),
      'x-toolturn-calls': String(answer.calls),
      ...(answer.limit === undefined ? {} : { 'x-toolturn-limit': answer.limit }),
    };
    res.json({ action: 'replace', response: answer.response, headers });
  });

  router.post('/stream', async (req, res) => {
    const lines = jsonLines(req as AsyncIterable<Buffer>, bodyBytes);
    const head = await lines.next();
    if (head.done === true) throw new ToolturnError('bad_request', 'The stream has no first line.');
    const { request, mark, seen } = parseStreamHead(head.value);
    res.status(200).type('application/x-ndjson').flushHeaders();
    await service.stream(request, mark, seen, lines, lineSink(res), goneSignal(res));
    res.end(endLine);
  });

  return router;
}

const repeatOf = ({ state, at, isMarked, isRetry }: RepeatMark) => ({
  state,
  at,
  is_marked: isMarked,
  is_retry: isRetry,
});

/** Aborted when the door hangs up before the answer is complete. */
function goneSignal(res: Response): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new ToolturnError('upstream_failed', 'The caller has gone.'));
  });
  return gone.signal;
}

/** One line per chunk; waits for a slow reader instead of collecting what it does not read. */
function lineSink(res: Response): ChunkSink {
  return {
    async write(chunk: JsonObject) {
      if (res.destroyed) return;
      if (!res.write(`${JSON.stringify(chunk)}\n`)) await drained(res);
    },
  };
}

/** Resolves when more may be written, or nobody reads any more. Leaves no listener: it would hold what was written. */
function drained(res: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}
