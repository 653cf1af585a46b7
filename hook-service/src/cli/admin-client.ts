import { ToolturnError } from '../core/errors';
import { secretHeader } from '../http/secret';

/** A running hook-service, as the command line reaches it. */
export interface AdminConnection {
  readonly url: string;
  readonly secret: string;
}

const timeoutMs = 15_000;

/**
 * Where hook-service is: `--url`, or TOOLTURN_URL, or TOOLTURN_PORT on this machine; with the (first) secret of
 * TOOLTURN_SECRET. Throws `config_invalid` where one of them cannot be used.
 */
export function adminConnection(
  url: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): AdminConnection {
  const given = url ?? (env['TOOLTURN_URL'] || `http://127.0.0.1:${env['TOOLTURN_PORT'] || 48_900}`);
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    throw new ToolturnError(
      'config_invalid',
      `${given} is no address of hook-service; such as http://127.0.0.1:48900`,
    );
  }
  const secret = env['TOOLTURN_SECRET']?.split(',')[0]?.trim();
  if (secret === undefined || secret === '') {
    throw new ToolturnError(
      'config_invalid',
      'TOOLTURN_SECRET is not set; it is the secret that hook-service has',
    );
  }
  return { url: given.replace(/\/+$/, ''), secret };
}

/** Sends a request and gives the JSON that comes back. Throws `ToolturnError` with a sentence for the person at the terminal. */
export async function adminRequest(
  connection: AdminConnection,
  path: string,
  body?: object,
): Promise<unknown> {
  const { url, secret } = connection;
  let response: Response;
  try {
    response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        [secretHeader]: secret,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new ToolturnError(
      'upstream_failed',
      `hook-service cannot be reached at ${url} (--url, TOOLTURN_URL)`,
      {
        cause: error,
      },
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const reason =
    response.status === 401 ? 'the secret (TOOLTURN_SECRET) is not the one it has' : messageOf(answer);
  throw new ToolturnError('upstream_failed', `hook-service refused with HTTP ${response.status}: ${reason}`);
}

function messageOf(answer: unknown): string {
  const error = (answer as { error?: { message?: unknown } } | undefined)?.error;
  return typeof error?.message === 'string' ? error.message : 'it gave no reason';
}
