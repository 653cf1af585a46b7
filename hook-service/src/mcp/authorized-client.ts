import type { IncomingMessage } from 'node:http';
import { ExchangeFailure, type Exchange, type ExchangeRequest, type HttpClient } from '../wire/http-client';
import type { TokenSource } from './token-source';

/** An HTTP client whose requests carry an access token. One that is refused with 401 is sent once more with a new token. */
export function withTokens(http: HttpClient, tokens: TokenSource): HttpClient {
  return {
    open: (request) => authorized(http, tokens, request),
    close: () => http.close(),
  };
}

function authorized(http: HttpClient, tokens: TokenSource, request: ExchangeRequest): Exchange {
  let current: Exchange | undefined;
  let aborted = false;
  let giveUp!: (failure: ExchangeFailure) => void;
  const ended = new Promise<never>((_, reject) => (giveUp = reject));
  ended.catch(() => undefined);

  const send = (token: string | undefined): Promise<IncomingMessage> => {
    if (aborted) throw new ExchangeFailure('aborted', false);
    const headers =
      token === undefined ? request.headers : { ...request.headers, authorization: `Bearer ${token}` };
    current = http.open({ ...request, headers });
    return current.answer;
  };
  const exchange = async (): Promise<IncomingMessage> => {
    const token = await Promise.race([tokens.current(), ended]);
    const answer = await send(token);
    if (answer.statusCode !== 401) return answer;
    answer.resume();
    // Refused before anything was done: sending it again repeats nothing.
    const renewed = tokens.renew(token, answer.headers['www-authenticate']);
    return send(await Promise.race([renewed, ended]));
  };
  return {
    answer: exchange(),
    abort() {
      aborted = true;
      giveUp(new ExchangeFailure('aborted', false));
      current?.abort();
    },
  };
}
