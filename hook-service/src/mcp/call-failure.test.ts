import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { classifyCallError } from './call-failure';
import { ExchangeFailure } from '../wire/http-client';

const status = (code: number, text = '') =>
  new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, `HTTP ${code}`, { status: code, text });
const classify = (error: unknown, more: { aborted?: boolean; hasSession?: boolean } = {}) => {
  const turn = new AbortController();
  if (more.aborted === true) turn.abort();
  return classifyCallError(error, {
    signal: turn.signal,
    hasSession: more.hasSession ?? true,
    timeoutMs: 2_000,
  });
};

describe('the failure of a call', () => {
  test('after an abort of the turn is a cancellation, although the SDK calls it a timeout', () => {
    const error = new SdkError(SdkErrorCode.RequestTimeout, 'AbortError');
    expect(classify(error, { aborted: true }).kind).toBe('cancelled');
    expect(classify(error)).toMatchObject({
      kind: 'timeout',
      mayHaveRun: true,
      text: expect.stringContaining('2 s'),
    });
  });

  test.each([
    ['a refused connection', new ExchangeFailure('ECONNREFUSED', false)],
    ['an unknown session (404)', status(404)],
    [
      'an unknown session (400)',
      status(400, '{"error":{"message":"Bad Request: No valid session ID provided"}}'),
    ],
    ['a server that was never initialised', status(400, 'Server not initialized')],
    ['a closed connection before sending', new SdkError(SdkErrorCode.NotConnected, 'Not connected')],
  ])('from %s certainly did not run, and asks for a new session', (_name, error) => {
    expect(classify(error)).toMatchObject({ kind: 'transport', mayHaveRun: false, sessionLost: true });
  });

  test.each([
    ['a reset', new ExchangeFailure('ECONNRESET', true)],
    ['a crash', new SdkError(SdkErrorCode.ConnectionClosed, 'Connection closed')],
    ['a 502', status(502)],
  ])('from %s may have run', (_name, error) => {
    expect(classify(error)).toMatchObject({ kind: 'transport', mayHaveRun: true, transient: true });
  });

  test.each([400, 401, 403, 405, 429])('from HTTP %i does not cost the session', (code) => {
    expect(classify(status(code, 'Invalid request'))).toMatchObject({
      kind: 'transport',
      sessionLost: false,
    });
  });

  test('by a JSON-RPC error is told without addresses, stack and credentials', () => {
    const message =
      'fetch https://db.internal/x failed for Bearer abc.def at 10.1.2.3:80\n    at run (/app/a.js:1:2)';
    const { kind, text } = classify(new ProtocolError(-32603, message));
    expect(kind).toBe('protocol_error');
    expect(text).toBe('was refused by its server: fetch (address) failed for Bearer (secret) at (address)');
  });
});
