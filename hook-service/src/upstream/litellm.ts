import { createParser } from 'eventsource-parser';
import { firstLine, ToolturnError } from '../core/errors';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import type { CarriedAnswer, Upstream, UpstreamRequest } from '../core/ports';
import { createHttpClient, readText } from '../wire/http-client';
import { askAgain, type Asked } from './ask';

/** The largest answer, and the largest event of a stream, that is read; in bytes. */
const largestAnswer = 64 * 1024 * 1024;
/** Of the body of an error. */
const largestError = 1024 * 1024;
/** Well below what servers keep an idle connection open for; what is lost all the same is asked again. */
const trustedMs = 1_000;

/**
 * LiteLLM as the next round's model, in every dialect. A request is repeated once, only before anything of its answer
 * was read, and only for failed connections, 408, 409, 429 and 5xx. On node:http, since `fetch` and a provider's SDK
 * cost several times as much (BENCHMARKS.md). `baseUrl` is LiteLLM's address without a path.
 */
export function createUpstream({ baseUrl }: { readonly baseUrl: string }): Upstream {
  const client = createHttpClient(new URL(baseUrl), { maxSockets: Infinity, trustedMs });
  const ask = async (request: UpstreamRequest, accept: string): Promise<Asked> => {
    const asked = await askAgain(request.carrier ?? client, {
      url: new URL(baseUrl + request.path),
      // Every request brings the caller's own credentials; ours would be a way around their limits.
      headers: { ...request.headers, 'content-type': 'application/json', accept },
      body: JSON.stringify(request.body),
      signal: request.signal,
      ...(request.isAnswered === undefined ? {} : { isAnswered: request.isAnswered }),
    });
    const status = asked.answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return asked;
    throw refusal(status, await readText(asked.answer, largestError).finally(asked.end));
  };
  return {
    async send(request) {
      try {
        const { answer, end } = await ask(request, 'application/json');
        const body = parsed(await readText(answer, largestAnswer).finally(end));
        if (isJsonObject(body)) return body;
      } catch (error) {
        throw translate(error, request.signal);
      }
      throw new ToolturnError(
        'upstream_failed',
        'LiteLLM answered the continuation with something that is no JSON object.',
      );
    },
    async stream(request) {
      try {
        return guarded(await ask(request, 'text/event-stream'), request.signal);
      } catch (error) {
        throw translate(error, request.signal);
      }
    },
  };
}

async function* guarded({ answer, end }: Asked, signal: AbortSignal): AsyncGenerator<JsonObject> {
  let isOver = false;
  try {
    for await (const data of eventsOf(answer)) {
      // Read on to the end of the body, so that the connection can be used again.
      isOver ||= data.startsWith('[DONE]');
      if (isOver) continue;
      const event: unknown = JSON.parse(data);
      if (!isJsonObject(event)) continue;
      if (isJsonObject(event['error'])) throw modelFailed(event['error'], codeStatus(event['error']['code']));
      yield event;
    }
  } catch (error) {
    throw translate(error, signal);
  } finally {
    end();
  }
}

/** The data of each event, no faster than they are read. */
async function* eventsOf(answer: CarriedAnswer): AsyncGenerator<string> {
  let events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => void events.push(data) });
  let unfinished = 0;
  answer.setEncoding('utf8');
  for await (const piece of answer as AsyncIterable<string>) {
    parser.feed(piece);
    unfinished = events.length > 0 ? 0 : unfinished + piece.length;
    if (unfinished > largestAnswer) throw new Error('An event is too long');
    const complete = events;
    events = [];
    yield* complete;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What the client may read of a failed continuation: LiteLLM's own message and status, which the client would
 * have seen without Toolturn too; nothing of where LiteLLM is.
 */
function refusal(status: number, text: string): ToolturnError {
  const body = parsed(text);
  const inner = isJsonObject(body) && isJsonObject(body['error']) ? body['error'] : body;
  if (isJsonObject(inner)) return modelFailed(inner, status);
  const said = text.trim() === '' ? 'status code (no body)' : text;
  return failureError('modelFails', { said: firstLine(`${status} ${said}`) }, { status });
}

function modelFailed(error: JsonObject, status: number | undefined): ToolturnError {
  const { message } = error;
  const said = typeof message === 'string' ? message : JSON.stringify(error);
  return failureError(
    'modelFails',
    { said: firstLine(said) },
    { ...(status === undefined ? {} : { status }) },
  );
}

function translate(error: unknown, signal: AbortSignal): ToolturnError {
  if (error instanceof ToolturnError) return error;
  if (signal.aborted)
    return new ToolturnError('upstream_failed', 'The model request was cancelled.', { cause: error });
  return failureError('streamBroke', {}, { cause: error });
}

/** LiteLLM puts the HTTP status of an error in mid-stream into its `code`. */
function codeStatus(code: Json | undefined): number | undefined {
  const status = Number(code);
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined;
}
