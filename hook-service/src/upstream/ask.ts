import { setTimeout as pause } from 'node:timers/promises';
import { ToolturnError } from '../core/errors';
import { failureError } from '../core/failure-policy';
import type { CarriedAnswer, Carrier } from '../core/ports';

export interface AskedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Ends the request, also while its answer is read. */
  readonly signal: AbortSignal;
  /** True once nobody needs the answer any more. Absent: it is needed. */
  readonly isAnswered?: () => boolean;
}

/** An answer whose body is still to be read. */
export interface Asked {
  readonly answer: CarriedAnswer;
  /** To be called when its body has been read, or nobody wants it any more. */
  readonly end: () => void;
}

/** The statuses that may pass, as the SDKs of the providers see it. */
const passing = (status: number): boolean =>
  status === 408 || status === 409 || status === 429 || status >= 500;

/** How long to wait before the request is repeated, in milliseconds. Longer waits than a minute are not waited for. */
const usualWaitMs = 400;
const longestWaitMs = 60_000;

/** Posts the request, and once more where that may help. Rejects where no answer can be had, or `signal` is aborted. */
export async function askAgain(carrier: Carrier, request: AskedRequest): Promise<Asked> {
  const first = await askOnce(carrier, request).catch((error: unknown) => {
    if (request.signal.aborted || request.isAnswered?.() === true) throw error;
    return undefined;
  });
  if (first !== undefined && (!mayPass(first.answer) || request.isAnswered?.() === true)) return first;
  first?.answer.destroy();
  first?.end();
  await pause(first === undefined ? usualWaitMs : waitOf(first.answer), undefined, {
    signal: request.signal,
  });
  return askOnce(carrier, request);
}

async function askOnce(carrier: Carrier, { url, headers, body, signal }: AskedRequest): Promise<Asked> {
  if (signal.aborted) throw new ToolturnError('upstream_failed', 'The model request was cancelled.');
  const exchange = carrier.open({ method: 'POST', url, headers, body });
  const abort = (): void => exchange.abort();
  signal.addEventListener('abort', abort, { once: true });
  const end = (): void => signal.removeEventListener('abort', abort);
  try {
    return { answer: await exchange.answer, end };
  } catch (error) {
    end();
    throw signal.aborted ? error : failureError('litellmAway', {}, { cause: error });
  }
}

/** `x-should-retry` is what providers say themselves. */
function mayPass({ statusCode = 0, headers }: CarriedAnswer): boolean {
  const told = headers['x-should-retry'];
  return told === 'true' || (told !== 'false' && passing(statusCode));
}

/** RFC 9110, 10.2.3, and the form in milliseconds that some providers send. */
function waitOf({ headers }: CarriedAnswer): number {
  const after = headers['retry-after'];
  const told = [
    Number(headers['retry-after-ms'] ?? NaN),
    Number(after ?? NaN) * 1_000,
    Date.parse(String(after ?? '')) - Date.now(),
  ].find((each) => !Number.isNaN(each));
  return told !== undefined && told >= 0 && told < longestWaitMs ? told : usualWaitMs;
}
