import OpenAI, { APIConnectionError, APIError, APIUserAbortError } from 'openai';
import { firstLine, ToolturnError } from '../core/errors';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type JsonObject } from '../core/json';
import type { Upstream, UpstreamRequest } from '../core/ports';

/**
 * LiteLLM as the next round's model, through the openai SDK's plain `post`, which serves every dialect.
 * The SDK repeats a request only before anything of its answer was read, and only for connection errors, 408,
 * 409, 429 and 5xx. `baseUrl` is LiteLLM's address without a path.
 */
export function createUpstream(options: { baseUrl: string; timeoutMs: number }): Upstream {
  const client = new OpenAI({
    baseURL: options.baseUrl,
    // Every request brings the caller's own credentials; ours would be a way around their limits.
    apiKey: 'unused',
    maxRetries: 1,
    timeout: options.timeoutMs,
    logLevel: 'off',
  });
  const optionsFor = (request: UpstreamRequest) => ({
    body: request.body,
    // Null takes the SDK's own header away where the caller used another one.
    headers: { authorization: null, ...request.headers },
    signal: request.signal,
  });
  return {
    async send(request) {
      try {
        const answer: unknown = await client.post(request.path, optionsFor(request));
        if (isJsonObject(answer)) return answer;
      } catch (error) {
        throw translate(error);
      }
      throw new ToolturnError(
        'upstream_failed',
        'LiteLLM answered the continuation with something that is no JSON object.',
      );
    },
    async stream(request) {
      try {
        const events = await client.post(request.path, { ...optionsFor(request), stream: true });
        return guarded(events as AsyncIterable<unknown>, request.signal);
      } catch (error) {
        throw translate(error);
      }
    },
  };
}

async function* guarded(events: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<JsonObject> {
  try {
    for await (const event of events) if (isJsonObject(event)) yield event;
  } catch (error) {
    throw translate(error);
  }
  // The SDK ends an aborted stream as if it were complete.
  if (signal.aborted) throw new ToolturnError('upstream_failed', 'The model request was cancelled.');
}

/**
 * What the client may read of a failed continuation: LiteLLM's own message and status, which the client would
 * have seen without Toolturn too; nothing of where LiteLLM is.
 */
function translate(error: unknown): ToolturnError {
  if (error instanceof ToolturnError) return error;
  if (error instanceof APIUserAbortError) {
    return new ToolturnError('upstream_failed', 'The model request was cancelled.', { cause: error });
  }
  if (error instanceof APIConnectionError) {
    return failureError('litellmAway', {}, { cause: error });
  }
  if (error instanceof APIError) {
    const status = typeof error.status === 'number' ? error.status : codeStatus(error.code);
    return failureError(
      'modelFails',
      { said: messageOf(error) },
      { cause: error, ...(status === undefined ? {} : { status }) },
    );
  }
  return failureError('streamBroke', {}, { cause: error });
}

/** LiteLLM puts the HTTP status of an error in mid-stream into its `code`. */
function codeStatus(code: unknown): number | undefined {
  const status = Number(code);
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined;
}

function messageOf(error: { error: unknown; message: string }): string {
  const body = error.error;
  const inner = isJsonObject(body) && isJsonObject(body['error']) ? body['error'] : body;
  const message = isJsonObject(inner) ? inner['message'] : undefined;
  return firstLine(typeof message === 'string' ? message : error.message);
}
